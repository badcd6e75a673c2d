ALTER TABLE runs ADD COLUMN direction TEXT NOT NULL DEFAULT 'lower' CHECK (direction IN ('higher', 'lower' -- which objective values are better
));

-- For existing runs: the direction of the monitored metric; 'lower' where the losses were monitored.
UPDATE runs SET direction = coalesce(
  (SELECT m.direction
     FROM parameters k
     JOIN metrics m ON m.run = k.run AND m.task = k.text
     JOIN (SELECT run, CASE path WHEN 'train.monitor.metric' THEN text
                       ELSE substr(path, 22, instr(substr(path, 22) || '.', '.') - 1) END AS name
             FROM parameters
            WHERE path = 'train.monitor.metric' OR path LIKE 'train.monitor.metric.%') p
       ON p.run = m.run AND (m.metric = p.name OR substr(m.metric, 1, length(p.name) + 1) = p.name || '_')
    WHERE k.run = runs.run AND k.path = 'train.monitor.task'
    ORDER BY m.metric <> p.name LIMIT 1), 'lower');
