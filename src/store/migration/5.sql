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
