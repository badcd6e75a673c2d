-- Version 1 of the results database.
--
-- Names are natural keys, so that a query reads without joins: `run`, `trial` (counting from 1),
-- `stage`, `task`, `split` ('train', 'valid', 'test'), `metric`, `epoch` (counting from 1).
-- Times are UTC text such as 2026-01-31T12:00:00.000Z, durations are seconds, sizes are bytes, and
-- every path is relative to the runs folder unless it says otherwise. A number that was not a number
-- (NaN) is NULL. Removing a run from `runs` removes it everywhere.

CREATE TABLE runs (
  -- One execution of a pipeline.
  run          TEXT NOT NULL PRIMARY KEY, -- its name, also its folder's: census_income-3f2a9c
  pipeline     TEXT NOT NULL,             -- the pipeline's name
  description  TEXT,                      -- what the pipeline is about, in its author's words
  file         TEXT NOT NULL,             -- the pipeline's file, as it was given on the command line
  resolved     TEXT NOT NULL,             -- the pipeline as resolved (YAML), defaults and overrides filled in
  fingerprint  TEXT,                      -- the resolved pipeline's content hash: equal means the same experiment
  seed         INTEGER NOT NULL,          -- the seed of everything random
  command      TEXT,                      -- the command line that started it
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'interrupted')),
                                          -- how it stands or ended; 'running' only while a process works on it
  stages       INTEGER NOT NULL DEFAULT 0,-- how many stages its plan has
  resumes      INTEGER NOT NULL DEFAULT 0,-- how often it was gone on with after an interruption
  started_at   TEXT NOT NULL,             -- when it was first started
  updated_at   TEXT NOT NULL,             -- its last sign of life
  finished_at  TEXT,                      -- when it ended; NULL while running
  seconds      REAL                       -- time worked on it by all executions that ended; NULL until one has
) STRICT;

CREATE TABLE environments (
  -- Where a run was executed; of a resumed run, where it was last.
  run          TEXT NOT NULL PRIMARY KEY REFERENCES runs ON DELETE CASCADE, -- whose
  mtl_version  TEXT NOT NULL,             -- version of mtl
  git_commit   TEXT,                      -- commit checked out beside the pipeline; NULL outside git
  git_dirty    INTEGER CHECK (git_dirty IN (0, 1)), -- 1: there were changes that were not committed
  host         TEXT NOT NULL,             -- the machine's name
  os           TEXT NOT NULL,             -- operating system and architecture: linux x86_64
  cpu          TEXT,                      -- the processor's name, where it is known
  cpus         INTEGER NOT NULL,          -- processors the machine has
  threads      INTEGER NOT NULL,          -- threads the run used
  device       TEXT NOT NULL,             -- where tensors lived: cpu, cuda:0, metal
  onnx_runtime TEXT                       -- version of the ONNX Runtime that checked the model; NULL: none did
) STRICT;

CREATE TABLE stages (
  -- One step of a run's plan.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  stage        TEXT NOT NULL,             -- its key: load:census, fit, train#1
  kind         TEXT NOT NULL,             -- what it does: load, split, fit, train, evaluate, export, verify
  trial        INTEGER,                   -- the trial it belongs to; NULL: shared by all
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'skipped', 'interrupted')),
                                          -- 'skipped': not done because another stage failed
  cached       INTEGER NOT NULL DEFAULT 0 CHECK (cached IN (0, 1)), -- 1: its result was there already
  fingerprint  TEXT,                      -- content hash of its words and of everything it reads
  started_at   TEXT,                      -- when
  seconds      REAL,                      -- how long it took; for a cached one, to fetch
  bytes        INTEGER,                   -- size of what it left on disk
  reason       TEXT,                      -- why it failed or was skipped
  PRIMARY KEY (run, stage)
) STRICT;

CREATE TABLE parameters (
  -- The resolved pipeline, flattened: one row per leaf, so that SQL can filter by any setting.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  path         TEXT NOT NULL,             -- the setting's address: train.optimizer.adamw.rate, trunk[0].dense.units
  text         TEXT,                      -- its value as text; NULL when the pipeline says null
  number       REAL,                      -- its value as a number, when it is one (true is 1, false is 0)
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE trials (
  -- One training within a run: one choice of settings, one seed.
  run             TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  trial           INTEGER NOT NULL,       -- counting from 1
  seed            INTEGER,                -- the seed of its initialisation, shuffling and dropout
  device          TEXT,                   -- where its tensors lived
  rows            INTEGER,                -- training rows
  weights         INTEGER,                -- trained numbers of the network
  planned_epochs  INTEGER,                -- passes over the training rows, at most
  steps_per_epoch INTEGER,                -- batches in an epoch
  epochs          INTEGER,                -- passes it made; NULL until training ended
  best_epoch      INTEGER,                -- the epoch whose weights were kept
  stopped         TEXT,                   -- why training ended
  seconds         REAL,                   -- how long training took
  checkpoint_epoch INTEGER,               -- epoch of the last checkpoint
  checkpoint_step INTEGER,                -- step of the last checkpoint
  PRIMARY KEY (run, trial)
) STRICT;

CREATE TABLE trial_parameters (
  -- Settings a sweep chose for one trial; they overrule the run's own.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  path         TEXT NOT NULL,             -- the setting's address
  text         TEXT,                      -- its value as text
  number       REAL,                      -- its value as a number, when it is one
  PRIMARY KEY (run, trial, path),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE tasks (
  -- What a run learns.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  task         TEXT NOT NULL,             -- its name
  position     INTEGER NOT NULL,          -- its place in the pipeline, from 0
  data         TEXT NOT NULL,             -- the table it learns from
  kind         TEXT NOT NULL,             -- binary, multiclass, multilabel, ordinal, regression
  target       TEXT NOT NULL,             -- its column, or several joined by ', '
  loss         TEXT,                      -- its loss, when the pipeline or the plan names it
  PRIMARY KEY (run, task)
) STRICT;

CREATE TABLE labels (
  -- How many rows of a split have a task's label.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid, test
  rows         INTEGER NOT NULL,          -- rows of the split
  missing      INTEGER NOT NULL,          -- rows without the label; they teach the other tasks only
  PRIMARY KEY (run, task, split)
) STRICT;

CREATE TABLE data_tables (
  -- The tables a run read, and how their rows were divided.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  data         TEXT NOT NULL,             -- the table's name
  rows         INTEGER,                   -- rows read
  columns      INTEGER,                   -- columns read
  train        INTEGER,                   -- rows learned from
  valid        INTEGER,                   -- rows the best epoch is chosen by
  test         INTEGER,                   -- rows reported on
  PRIMARY KEY (run, data)
) STRICT;

CREATE TABLE data_files (
  -- The files behind those tables, by content.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  data         TEXT NOT NULL,             -- the table's name
  path         TEXT NOT NULL,             -- the file; absolute, or as the pipeline gave it
  bytes        INTEGER NOT NULL,          -- its size
  hash         TEXT NOT NULL,             -- its content's hash (blake3)
  PRIMARY KEY (run, data, path)
) STRICT;

CREATE TABLE epochs (
  -- One pass of a trial over the training rows.
  run             TEXT NOT NULL,          -- whose
  trial           INTEGER NOT NULL,       -- whose
  epoch           INTEGER NOT NULL,       -- counting from 1
  step            INTEGER NOT NULL,       -- steps since the trial's beginning
  joint_loss      REAL,                   -- mean of the loss that was minimised, regularization and all
  rate            REAL,                   -- learning rate at the epoch's end
  rows_per_second REAL,                   -- throughput
  seconds         REAL,                   -- how long it took
  objective       REAL,                   -- what the best epoch is chosen by; NULL without validation rows
  best            INTEGER NOT NULL CHECK (best IN (0, 1)), -- 1: the best so far, when it ended
  PRIMARY KEY (run, trial, epoch),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE losses (
  -- Mean training loss per task and epoch, before weighting.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the loss
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE weights (
  -- Mean effective weight of each task's loss per epoch, as the weighting gave it.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the weight
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE metrics (
  -- What was measured after each epoch: validation losses and metrics per task.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- which rows
  metric       TEXT NOT NULL,             -- auroc, f1, mae, loss ...
  value        REAL,                      -- what it said
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- rows whose label is present
  PRIMARY KEY (run, trial, epoch, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE scores (
  -- The final scores: the kept weights, on every split.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- which rows; 'test' is what to report
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  value        REAL,                      -- what it said
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- rows whose label is present
  epoch        INTEGER NOT NULL,          -- the epoch whose weights were scored
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity (
  -- Does the exported model answer like the trained one?
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  verified     INTEGER NOT NULL CHECK (verified IN (0, 1)), -- 0: ONNX Runtime could not be had, nothing was compared
  reason       TEXT,                      -- why it could not be verified
  largest      REAL,                      -- largest |a - b| / max(1, |b|) over all outputs and batches; NULL: not compared, or not a number
  tolerance    REAL NOT NULL,             -- the largest that is allowed
  batches      TEXT NOT NULL,             -- batch sizes compared: 1, 7
  onnx_runtime TEXT,                      -- version of ONNX Runtime
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity_outputs (
  -- The same, per output of the model.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  output       TEXT NOT NULL,             -- the output's name
  largest      REAL,                      -- largest |a - b| / max(1, |b|)
  PRIMARY KEY (run, trial, output),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE artifacts (
  -- What a run left on disk for its user.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  trial        INTEGER,                   -- the trial; NULL: the run's own
  kind         TEXT NOT NULL,             -- onnx, card, weights, pipeline, report
  path         TEXT NOT NULL,             -- where
  bytes        INTEGER,                   -- its size
  detail       TEXT,                      -- for onnx, the operator set: opset 17
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE notes (
  -- What a person should know about a run.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  stage        TEXT NOT NULL,             -- the stage it came from
  severity     TEXT NOT NULL CHECK (severity IN ('error', 'warning', 'note')), -- how bad
  text         TEXT NOT NULL,             -- the note
  noted_at     TEXT NOT NULL,             -- when
  PRIMARY KEY (run, stage, text)
) STRICT;

CREATE INDEX runs_by_start ON runs (started_at);
CREATE INDEX parameters_by_path ON parameters (path, number);
CREATE INDEX scores_by_metric ON scores (task, metric, split);
