CREATE TABLE front_references (
  -- Up to where the hypervolume of a network's front (`fronts`) reaches, where the pipeline says so.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its first metric
  value        REAL NOT NULL,             -- what it has at its worst
  PRIMARY KEY (run, trial, task),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
