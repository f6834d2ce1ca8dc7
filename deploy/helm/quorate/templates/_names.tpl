{{- define "quorate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "quorate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "quorate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "quorate.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "quorate.selector" -}}
app.kubernetes.io/name: {{ include "quorate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quorate.labels" -}}
{{ include "quorate.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "quorate.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "quorate.tlsSecret" -}}
{{ .Values.tls.secretName | default (printf "%s-tls" (include "quorate.fullname" .)) }}
{{- end -}}

{{/* The names of the ConfigMaps to mount; empty for none. */}}
{{- define "quorate.policyConfigMap" -}}
{{- if .Values.existingPolicyConfigMap -}}{{ .Values.existingPolicyConfigMap }}
{{- else if .Values.policy -}}{{ include "quorate.fullname" . }}-policy{{- end -}}
{{- end -}}
{{- define "quorate.envoyConfigMap" -}}
{{- if .Values.existingEnvoyConfigMap -}}{{ .Values.existingEnvoyConfigMap }}
{{- else if .Values.envoyConfig -}}{{ include "quorate.fullname" . }}-ratelimit{{- end -}}
{{- end -}}

{{/* Whether quotas are kept in a volume of the pod. */}}
{{- define "quorate.persists" -}}
{{- if and (eq .Values.store "embedded") (not .Values.storeSecret.name) .Values.persistence.enabled -}}yes{{- end -}}
{{- end -}}
