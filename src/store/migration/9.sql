CREATE TABLE affinity_steps (
  -- The single measurements behind `affinities`: their spread shows the uncertainty of the mean.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  step         INTEGER NOT NULL,          -- number of steps taken before it
  task         TEXT NOT NULL,             -- the task that takes the step
  other        TEXT NOT NULL,             -- the task whose loss is measured
  value        REAL,                      -- 1 - loss after / loss before: positive where the step helps
  PRIMARY KEY (run, trial, step, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
