-- http is for webhooks on a developer's own machine: the service takes it only where private addresses are allowed.

-- +goose Up
ALTER TABLE webhooks DROP CONSTRAINT webhooks_https;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_url CHECK (url LIKE 'https://%' OR url LIKE 'http://%');

-- +goose Down
DELETE FROM webhooks WHERE url LIKE 'http://%';
ALTER TABLE webhooks DROP CONSTRAINT webhooks_url;
ALTER TABLE webhooks ADD CONSTRAINT webhooks_https CHECK (url LIKE 'https://%');
