CREATE TABLE fronts (
  -- What a network that reads its preference (`weighting: cosmos`) scores for each of several: the kept weights, on
  -- validation and test rows. A preference is the `share` of each task at one `point`.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  point        INTEGER NOT NULL,          -- which preference, from 0
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- valid or test
  metric       TEXT NOT NULL,             -- loss, auroc, f1, mae ...
  share        REAL NOT NULL,             -- how much the task is preferred; over the tasks of a point they sum to 1
  value        REAL,                      -- what the metric said
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- rows whose label is present
  PRIMARY KEY (run, trial, point, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
