CREATE TABLE objectives (
  -- What the trials of a sweep are weighed by, where it names several objectives.
  run          TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, -- whose
  position     INTEGER NOT NULL,          -- its place among them, from 0
  task         TEXT NOT NULL,             -- the task
  metric       TEXT NOT NULL,             -- its metric
  direction    TEXT NOT NULL CHECK (direction IN ('higher', 'lower')), -- which values are better
  reference    REAL,                      -- up to where the hypervolume reaches; NULL: beyond the worst
  PRIMARY KEY (run, position)
) STRICT;

CREATE TABLE prunings (
  -- Trials of a sweep that were given up before their last epoch; their metrics so far are kept, and nothing is exported.
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- the last epoch it was trained for
  reason       TEXT NOT NULL,             -- why
  PRIMARY KEY (run, trial),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
