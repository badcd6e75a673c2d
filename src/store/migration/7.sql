CREATE TABLE fronts (
  -- Scores of a preference-conditioned network (`weighting: cosmos`) for each preference vector: the best epoch's
  -- weights, on validation and test rows. A preference vector is the `share` of each task at one `point`.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  point        INTEGER NOT NULL,          -- zero-based index of the preference vector
  task         TEXT NOT NULL,             -- the task
  split        TEXT NOT NULL,             -- valid or test
  metric       TEXT NOT NULL,             -- loss, auroc, f1, mae ...
  share        REAL NOT NULL,             -- the task's component; the components of a point sum to 1
  value        REAL,                      -- the metric's value
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  rows         INTEGER NOT NULL,          -- number of labelled rows
  PRIMARY KEY (run, trial, point, task, split, metric),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
