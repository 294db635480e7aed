{{if .Cluster -}}
-- All shards' sums as one table. What belongs to one site lies on one shard.
CREATE TABLE IF NOT EXISTS {{.Database}}.sums{{.OnCluster}} AS {{.Local}}
ENGINE = Distributed('{{.Cluster}}', '{{.Database}}', 'sums_local', cityHash64(site))
{{- end}}
