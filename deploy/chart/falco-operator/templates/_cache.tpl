{{/* Caches have a label of their own: what selects the operator's pods selects none of theirs. */}}
{{- define "falco-operator.cache.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: cache
{{- end }}

{{/* The name of the cache of a registry, such as falco-operator-cache-ghcr-io: a DNS-1035 label. */}}
{{- define "falco-operator.cache.name" -}}
{{ printf "%s-cache-%s" .root.Chart.Name (.registry | lower | replace "." "-" | replace ":" "-") | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The host by which operator and nodes know the cache of a registry. */}}
{{- define "falco-operator.cache.host" -}}
{{ include "falco-operator.cache.name" . }}.{{ .root.Release.Namespace }}.svc
{{- end }}

{{- define "falco-operator.cache.remote" -}}
{{ .upstream.remoteURL | default (printf "https://%s" (eq .upstream.registry "docker.io" | ternary "registry-1.docker.io" .upstream.registry)) }}
{{- end }}

{{/* The certificate of a cache as the data of its Secret, as JSON. What an earlier release has made is
kept. It is made once in a rendering, since the Secret and the table of registries both need it. */}}
{{- define "falco-operator.cache.certificate" -}}
{{- $name := include "falco-operator.cache.name" . }}
{{- $host := include "falco-operator.cache.host" . }}
{{- $made := get .root.Values.cache "made" | default dict }}
{{- if not (hasKey $made $name) }}
{{- $data := dict }}
{{- with lookup "v1" "Secret" .root.Release.Namespace $name }}
{{- $data = .data | default dict }}
{{- end }}
{{- if not (and (get $data "ca.crt") (get $data "tls.crt") (get $data "tls.key")) }}
{{- /* Of equal names, OpenSSL takes the certificate for one that has signed itself. */}}
{{- $ca := genCA (printf "authority of %s" $name | trunc 64) 3650 }}
{{- $names := list $host (printf "%s.cluster.local" $host) $name }}
{{- $pair := genSignedCert $name nil $names 3650 $ca }}
{{- $data = dict "ca.crt" (b64enc $ca.Cert) "tls.crt" (b64enc $pair.Cert) "tls.key" (b64enc $pair.Key) }}
{{- end }}
{{- $_ := set $made $name (pick $data "ca.crt" "tls.crt" "tls.key") }}
{{- $_ := set .root.Values.cache "made" $made }}
{{- end }}
{{- get $made $name | toJson }}
{{- end }}

{{/* The authorities by which a cache is known, as PEM; empty for those of the system. */}}
{{- define "falco-operator.cache.ca" -}}
{{- if .root.Values.cache.tls.secretName }}
{{- .root.Values.cache.tls.ca }}
{{- else }}
{{- get (include "falco-operator.cache.certificate" . | fromJson) "ca.crt" | b64dec }}
{{- end }}
{{- end }}

{{/* The configuration of a cache. Deletion is what lets it remove what is older than the ttl; requests
to delete are refused in this mode all the same. */}}
{{- define "falco-operator.cache.config" -}}
version: 0.1
log:
  formatter: json
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
http:
  addr: :5000
  tls:
    certificate: /etc/registry-cache-tls/tls.crt
    key: /etc/registry-cache-tls/tls.key
proxy:
  remoteurl: {{ include "falco-operator.cache.remote" . }}
  ttl: {{ .root.Values.cache.ttl }}
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
{{- end }}
