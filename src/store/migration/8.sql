CREATE TABLE front_references (
  -- Reference point of the hypervolume of a network's front (`fronts`), if the pipeline sets one.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its first metric
  value        REAL NOT NULL,             -- the component of the reference point
  PRIMARY KEY (run, trial, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
