-- Version 1 of the results database.
--
-- Names are natural keys, so that most queries need no joins: `run`, `trial` (counting from 1),
-- `stage`, `task`, `split` ('train', 'valid', 'test'), `metric`, `epoch` (counting from 1).
-- Times are UTC text such as 2026-01-31T12:00:00.000Z, durations are seconds, sizes are bytes, and
-- every path is relative to the runs folder unless stated otherwise. NaN is stored as NULL.
-- Deleting a row of `runs` deletes the run from all tables.

CREATE TABLE runs (
  -- One execution of a pipeline.
  run          TEXT NOT NULL PRIMARY KEY, -- its name and the name of its folder: census_income-3f2a9c
  pipeline     TEXT NOT NULL,             -- the pipeline's name
  description  TEXT,                      -- the description in the pipeline
  file         TEXT NOT NULL,             -- the pipeline's file, as given on the command line
  resolved     TEXT NOT NULL,             -- the resolved pipeline (YAML), with defaults and overrides
  fingerprint  TEXT,                      -- content hash of the resolved pipeline: equal hashes mean the same experiment
  seed         INTEGER NOT NULL,          -- the seed of all random numbers
  command      TEXT,                      -- the command line that started the run
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'interrupted')),
                                          -- 'running' only while a process works on the run
  stages       INTEGER NOT NULL DEFAULT 0,-- number of stages in the plan
  resumes      INTEGER NOT NULL DEFAULT 0,-- how often the run was resumed
  started_at   TEXT NOT NULL,             -- when it was first started
  updated_at   TEXT NOT NULL,             -- time of the last activity
  finished_at  TEXT,                      -- when it ended; NULL while running
  seconds      REAL                       -- total time of all executions that ended; NULL before the first ends
) STRICT;

CREATE TABLE environments (
  -- The machine and software of a run; for a resumed run, of its last execution.
  run          TEXT NOT NULL PRIMARY KEY REFERENCES runs ON DELETE CASCADE, -- the run
  mtl_version  TEXT NOT NULL,             -- version of mtl
  git_commit   TEXT,                      -- git commit of the pipeline's folder; NULL outside git
  git_dirty    INTEGER CHECK (git_dirty IN (0, 1)), -- 1: there were uncommitted changes
  host         TEXT NOT NULL,             -- the machine's name
  os           TEXT NOT NULL,             -- operating system and architecture: linux x86_64
  cpu          TEXT,                      -- the processor's name, if known
  cpus         INTEGER NOT NULL,          -- number of processors of the machine
  threads      INTEGER NOT NULL,          -- number of threads used
  device       TEXT NOT NULL,             -- device of the tensors: cpu, cuda:0, metal
  onnx_runtime TEXT                       -- version of the ONNX Runtime that verified the model; NULL: not verified
) STRICT;

CREATE TABLE stages (
  -- The stages of a run's plan that started or were skipped.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  stage        TEXT NOT NULL,             -- its key: load:census, fit, train#1
  kind         TEXT NOT NULL,             -- load, split, fit, train, evaluate, export, verify
  trial        INTEGER,                   -- the stage's trial; NULL: shared by all trials
  state        TEXT NOT NULL CHECK (state IN ('running', 'finished', 'failed', 'skipped', 'interrupted')),
                                          -- 'skipped': not run because another stage failed
  cached       INTEGER NOT NULL DEFAULT 0 CHECK (cached IN (0, 1)), -- 1: its result was in the cache
  fingerprint  TEXT,                      -- content hash of its settings and inputs
  started_at   TEXT,                      -- when it started
  seconds      REAL,                      -- duration; of a cached stage, of reading the cache
  bytes        INTEGER,                   -- size of its result on disk
  reason       TEXT,                      -- why it failed or was skipped
  PRIMARY KEY (run, stage)
) STRICT;

CREATE TABLE parameters (
  -- The resolved pipeline, flattened: one row per leaf, so that SQL can filter by any setting.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  path         TEXT NOT NULL,             -- the setting's path: train.optimizer.adamw.rate, trunk[0].dense.units
  text         TEXT,                      -- its value as text; NULL when the pipeline says null
  number       REAL,                      -- its value as a number, when it is one (true is 1, false is 0)
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE trials (
  -- One training within a run: one choice of settings, one seed.
  run             TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  trial           INTEGER NOT NULL,       -- counting from 1
  seed            INTEGER,                -- the seed of initialization, shuffling and dropout
  device          TEXT,                   -- device of its tensors
  rows            INTEGER,                -- number of training rows
  weights         INTEGER,                -- number of trainable parameters
  planned_epochs  INTEGER,                -- maximum number of epochs
  steps_per_epoch INTEGER,                -- batches per epoch
  epochs          INTEGER,                -- number of epochs trained; NULL until training ended
  best_epoch      INTEGER,                -- the epoch whose weights were kept
  stopped         TEXT,                   -- why training ended
  seconds         REAL,                   -- duration of the training
  checkpoint_epoch INTEGER,               -- epoch of the last checkpoint
  checkpoint_step INTEGER,                -- step of the last checkpoint
  PRIMARY KEY (run, trial)
) STRICT;

CREATE TABLE trial_parameters (
  -- Settings that a sweep chose for one trial; they override the run's own.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  path         TEXT NOT NULL,             -- the setting's path
  text         TEXT,                      -- its value as text
  number       REAL,                      -- its value as a number, when it is one
  PRIMARY KEY (run, trial, path),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE tasks (
  -- The tasks of a run.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  task         TEXT NOT NULL,             -- its name
  position     INTEGER NOT NULL,          -- zero-based position in the pipeline
  data         TEXT NOT NULL,             -- the table it is trained on
  kind         TEXT NOT NULL,             -- binary, multiclass, multilabel, ordinal, regression
  target       TEXT NOT NULL,             -- its target columns, joined by ', '
  loss         TEXT,                      -- its loss, if the pipeline or the plan sets one
  PRIMARY KEY (run, task)
) STRICT;

CREATE TABLE labels (
  -- Number of labels of each task on each split.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid, test
  rows         INTEGER NOT NULL,          -- rows of the split
  missing      INTEGER NOT NULL,          -- rows without the label; they train only the other tasks
  PRIMARY KEY (run, task, split)
) STRICT;

CREATE TABLE data_tables (
  -- The tables a run read, and the sizes of their splits.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  data         TEXT NOT NULL,             -- the table's name
  rows         INTEGER,                   -- rows read
  columns      INTEGER,                   -- columns read
  train        INTEGER,                   -- training rows
  valid        INTEGER,                   -- validation rows, by which the best epoch is chosen
  test         INTEGER,                   -- test rows
  PRIMARY KEY (run, data)
) STRICT;

CREATE TABLE data_files (
  -- The files of those tables, with content hashes.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  data         TEXT NOT NULL,             -- the table's name
  path         TEXT NOT NULL,             -- the file; absolute, or as given in the pipeline
  bytes        INTEGER NOT NULL,          -- its size
  hash         TEXT NOT NULL,             -- its content hash (blake3)
  PRIMARY KEY (run, data, path)
) STRICT;

CREATE TABLE epochs (
  -- One pass of a trial over the training rows.
  run             TEXT NOT NULL,          -- the run
  trial           INTEGER NOT NULL,       -- the trial
  epoch           INTEGER NOT NULL,       -- counting from 1
  step            INTEGER NOT NULL,       -- steps since the start of the trial
  joint_loss      REAL,                   -- mean of the minimized loss, including regularization
  rate            REAL,                   -- learning rate at the end of the epoch
  rows_per_second REAL,                   -- throughput
  seconds         REAL,                   -- duration
  objective       REAL,                   -- the value by which the best epoch is chosen; NULL without validation rows
  best            INTEGER NOT NULL CHECK (best IN (0, 1)), -- 1: the best epoch so far
  PRIMARY KEY (run, trial, epoch),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE losses (
  -- Mean training loss per task and epoch, before weighting.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the loss
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE weights (
  -- Mean effective weight of each task's loss per epoch.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  value        REAL,                      -- the weight
  PRIMARY KEY (run, trial, epoch, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE metrics (
  -- Validation losses and metrics of each task after each epoch.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- auroc, f1, mae, loss ...
  value        REAL,                      -- the metric's value
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  PRIMARY KEY (run, trial, epoch, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE scores (
  -- The final scores: the best epoch's weights, on every split. Report those of 'test'.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  value        REAL,                      -- the metric's value
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  epoch        INTEGER NOT NULL,          -- the epoch whose weights were scored
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity (
  -- Comparison of the exported model with the trained one.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  verified     INTEGER NOT NULL CHECK (verified IN (0, 1)), -- 0: ONNX Runtime was not available, nothing was compared
  reason       TEXT,                      -- why it could not be verified
  largest      REAL,                      -- largest |a - b| / max(1, |b|) over all outputs and batches; NULL: not compared, or NaN
  tolerance    REAL NOT NULL,             -- the largest allowed value
  batches      TEXT NOT NULL,             -- batch sizes compared: 1, 7
  onnx_runtime TEXT,                      -- version of ONNX Runtime
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE parity_outputs (
  -- The same for each output of the model.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  output       TEXT NOT NULL,             -- the output's name
  largest      REAL,                      -- largest |a - b| / max(1, |b|)
  PRIMARY KEY (run, trial, output),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;

CREATE TABLE artifacts (
  -- The files that a run made for its user.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  trial        INTEGER,                   -- the trial; NULL: the whole run
  kind         TEXT NOT NULL,             -- onnx, card, weights, pipeline, report
  path         TEXT NOT NULL,             -- the file
  bytes        INTEGER,                   -- its size
  detail       TEXT,                      -- for onnx, the operator set version: opset 17
  PRIMARY KEY (run, path)
) STRICT;

CREATE TABLE notes (
  -- Warnings and other notes about a run.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  stage        TEXT NOT NULL,             -- the stage that reported it
  severity     TEXT NOT NULL CHECK (severity IN ('error', 'warning', 'note')), -- severity
  text         TEXT NOT NULL,             -- the note
  noted_at     TEXT NOT NULL,             -- when it was reported
  PRIMARY KEY (run, stage, text)
) STRICT;

CREATE INDEX runs_by_start ON runs (started_at);
CREATE INDEX parameters_by_path ON parameters (path, number);
CREATE INDEX scores_by_metric ON scores (task, metric, split);
