CREATE TABLE shares (
  -- How much of what is read at a place of the shared body comes from where, per epoch: the mean of a gate's
  -- shares over validation rows (mmoe, ple ...), or what is learned once for all rows (cross_stitch ...).
  run          TEXT NOT NULL,             -- whose
  trial        INTEGER NOT NULL,          -- whose
  epoch        INTEGER NOT NULL,          -- counting from 1
  unit         TEXT NOT NULL,             -- the place: `level 1`
  reader       TEXT NOT NULL,             -- a task, or `shared`
  source       TEXT NOT NULL,             -- an expert, such as `shared 2`, or a task
  value        REAL,                      -- its share
  PRIMARY KEY (run, trial, epoch, unit, reader, source),
  FOREIGN KEY (run, trial) REFERENCES trials ON DELETE CASCADE
) STRICT;
