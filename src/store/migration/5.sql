CREATE TABLE gains (
  -- Gain of joint training over training each task alone with the trial's own seed (`evaluate.baselines`), for each
  -- metric. `task_gains` and `trial_gains` hold its means.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- train, valid or test
  metric       TEXT NOT NULL,             -- auroc, f1, mae ...
  direction    TEXT NOT NULL,             -- which values are better
  value        REAL,                      -- score of the joint training
  baseline     REAL,                      -- score of the task trained alone
  gain         REAL,                      -- relative improvement in percent: positive where joint training is better
  counts       INTEGER NOT NULL,          -- 1: counts towards the task's gain
  PRIMARY KEY (run, trial, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
CREATE TABLE affinities (
  -- Effect of one task's gradient step on the shared weights on another task's loss of the same batch, per epoch.
  -- Recorded where `train.affinity` is set (TAG; Fifty et al. 2021).
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task that takes the step
  other        TEXT NOT NULL,             -- the task whose loss is measured
  value        REAL,                      -- mean of 1 - loss after / loss before: positive where the step helps
  steps        INTEGER NOT NULL,          -- number of steps measured
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
