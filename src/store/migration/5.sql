CREATE TABLE gains (
  -- What learning tasks together did to each metric, where `evaluate.baselines` had each task trained alone too, with
  -- the trial's own seed. `task_gains` and `trial_gains` are its means.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  task         TEXT NOT NULL,             -- of which task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- such as auroc
  direction    TEXT NOT NULL,             -- higher or lower is better
  value        REAL,                      -- of the joint training
  baseline     REAL,                      -- of the task trained alone
  gain         REAL,                      -- relative improvement in percent: above 0, joint training is better
  counts       INTEGER NOT NULL,          -- 1: the task's gain is made of it
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
CREATE TABLE affinities (
  -- What a plain step of one task along the shared weights does to another's loss of the same batch, per epoch: where
  -- `train.affinity` is set (TAG; Fifty et al. 2021).
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- whose step
  other        TEXT NOT NULL,             -- whose loss
  value        REAL,                      -- mean of 1 - loss after / loss before: above 0, the step helps
  steps        INTEGER NOT NULL,          -- that were measured
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
