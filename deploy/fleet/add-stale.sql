-- Once, for a store that was made before events had `stale`; then schema.sql again. What is there has 0.
ALTER TABLE cordon.events ADD COLUMN stale UInt8 AFTER cached;
