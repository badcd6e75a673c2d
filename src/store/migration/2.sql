CREATE TABLE relations (
  -- How much of what a task reads is each task's part, where the sharing learns it (relation), per epoch.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  task         TEXT NOT NULL,             -- the task that reads
  other        TEXT NOT NULL,             -- the task whose part it reads
  value        REAL,                      -- from 0 to 1; those of a task sum to 1
  PRIMARY KEY (run, trial, epoch, task, other),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
