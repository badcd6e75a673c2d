CREATE TABLE relations (
  -- The share of each task's part in what a task reads, per epoch, where the sharing learns it (relation).
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task that reads
  other        TEXT NOT NULL,             -- the task whose part is read
  value        REAL,                      -- in [0, 1]; the values of a task sum to 1
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
