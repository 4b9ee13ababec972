{{/* What selects the operator's pods, and no Falco's; an upgrade cannot change it. */}}
{{- define "falco-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Labels of what runs. Never managed-by: the operator watches what falco-operator manages, and
Helm adds its own. */}}
{{- define "falco-operator.labels" -}}
{{ include "falco-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* Labels of identity and rights, which `make run` and the tests pick by them. */}}
{{- define "falco-operator.rbacLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: rbac
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "falco-operator.serviceAccount" -}}
{{ .Values.serviceAccount.name | default .Chart.Name }}
{{- end }}

{{- define "falco-operator.image" -}}
{{ .repository }}
{{- if or .tag (not .digest) }}:{{ .tag | default .version }}{{ end }}
{{- with .digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Subjects of both bindings. */}}
{{- define "falco-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "falco-operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* The name by which the table of registries knows a host or prefix. */}}
{{- define "falco-operator.known" -}}
{{ regexReplaceAll "^(index|registry-1)\\.docker\\.io(/|$)" (lower .) "docker.io${2}" }}
{{- end }}

{{/* The table of registries as YAML; empty without one, and then the operator gets none. */}}
{{- define "falco-operator.registries" -}}
{{- $table := dict }}
{{- range $field, $value := .Values.registries }}
{{- if $value }}{{ $_ := set $table $field $value }}{{ end }}
{{- end }}
{{- if .Values.cache.enabled }}
{{- $mirrors := get $table "mirrors" | default list }}
{{- $hosts := get $table "hosts" | default dict | deepCopy }}
{{- $caches := list }}
{{- $own := $mirrors }}
{{- $seen := list }}
{{- range $upstream := .Values.cache.upstreams }}
{{- $known := include "falco-operator.known" $upstream.registry }}
{{- if has $known $seen }}
{{- printf "cache.upstreams has the registry %s twice" $known | fail }}
{{- end }}
{{- $seen = append $seen $known }}
{{- range $own }}
{{- if eq (include "falco-operator.known" .prefix) $known }}
{{- printf "registries.mirrors has the prefix %s, and so has cache.upstreams: it can be in one of them only" .prefix | fail }}
{{- end }}
{{- end }}
{{- $about := dict "root" $ "registry" $upstream.registry }}
{{- $host := include "falco-operator.cache.host" $about }}
{{- if has $host $caches }}
{{- printf "cache.upstreams: the cache of %s would have the name of another, %s" $upstream.registry $host | fail }}
{{- end }}
{{- $caches = append $caches $host }}
{{- $ca := include "falco-operator.cache.ca" $about }}
{{- $mirror := dict "prefix" $upstream.registry "locations" (list $host) "skipFallback" $.Values.cache.skipFallback }}
{{- $mirrors = append $mirrors $mirror }}
{{- $_ := set $hosts $host (dict "pullThrough" true) }}
{{- if $ca }}{{ $_ := set (get $hosts $host) "tls" (dict "ca" $ca) }}{{ end }}
{{- end }}
{{- $_ := set $table "mirrors" $mirrors }}
{{- $_ := set $table "hosts" $hosts }}
{{- if get $table "proxy" }}
{{- /* No proxy outside of the cluster knows a name within it. */}}
{{- $_ := set $table "noProxy" (concat (get $table "noProxy" | default list) $caches) }}
{{- end }}
{{- end }}
{{- if $table }}{{ toYaml $table }}{{ end }}
{{- end }}
