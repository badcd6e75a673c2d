CREATE TABLE objectives (
  -- The objectives of a multi-objective sweep.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- the run
  position     INTEGER NOT NULL,          -- zero-based position
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its metric
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  reference    REAL,                      -- component of the hypervolume's reference point; NULL: beyond the worst
  PRIMARY KEY (run, position)
) STRICT;

CREATE TABLE prunings (
  -- Trials that a sweep pruned before their last epoch. Their metrics so far are kept; nothing is exported.
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- the last trained epoch
  reason       TEXT NOT NULL,             -- why it was pruned
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
