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
