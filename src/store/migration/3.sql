CREATE TABLE shares (
  -- The share of each source in what is read at a unit of the shared network, per epoch: a gate's mean over
  -- validation rows (mmoe, ple ...), or weights learned once for all rows (cross_stitch ...).
  run          TEXT NOT NULL,             -- the run
  trial        INTEGER NOT NULL,          -- the trial
  epoch        INTEGER NOT NULL,          -- counting from 1
  unit         TEXT NOT NULL,             -- the unit: `level 1`
  reader       TEXT NOT NULL,             -- a task, or `shared`
  source       TEXT NOT NULL,             -- an expert, such as `shared 2`, or a task
  value        REAL,                      -- its share
  PRIMARY KEY (run, trial, epoch, unit, reader, source),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
