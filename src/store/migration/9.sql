CREATE TABLE affinity_steps (
  -- Each measurement behind `affinities`: how much they differ from step to step says how sure their mean is.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  step         INTEGER NOT NULL,          -- steps taken before it, from 0
  task         TEXT NOT NULL,             -- whose step
  other        TEXT NOT NULL,             -- whose loss
  value        REAL,                      -- 1 - loss after / loss before: above 0, the step helps
  PRIMARY KEY (run, trial, step, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
