{{- define "labels" -}}
app.kubernetes.io/name: in-toto-webhook
app.kubernetes.io/part-of: in-toto
{{- end }}

{{/* IMAGE stands in install.yaml alone, to be replaced: no node takes it for a name. */}}
{{- define "image" -}}
{{- if not (or (eq .Values.image "IMAGE") (regexMatch "^[^@]+@sha256:[0-9a-f]{64}$" .Values.image)) }}
{{- fail "set image, by its digest: name@sha256:...; `cargo xtask image --push` makes one and writes a file with the value" }}
{{- end }}
{{- .Values.image }}
{{- end }}

{{/* Every kind that holds an image. The places of images are those of the program's own table. */}}
{{- define "rules" -}}
- apiGroups: ['']
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers]
  scope: Namespaced
- apiGroups: [apps]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [daemonsets, deployments, replicasets, statefulsets]
  scope: Namespaced
- apiGroups: [batch]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [cronjobs, jobs]
  scope: Namespaced
{{- with .Values.webhook.furtherRules }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What both registrations have in common. */}}
{{- define "registration" }}
  admissionReviewVersions: [v1]
  clientConfig:
{{- if and .root.Values.tls.selfIssued (not .root.Values.cluster.enabled) }}
{{- fail "tls.selfIssued needs cluster.enabled: certificates are kept in the cluster" }}
{{- end }}
{{- if not (or .root.Values.tls.caBundle .root.Values.tls.certManager .root.Values.tls.selfIssued) }}
{{- fail "set tls.caBundle, tls.certManager or tls.selfIssued: without an authority the API server trusts no certificate, and nothing comes in" }}
{{- end }}
{{- with .root.Values.tls.caBundle }}
    caBundle: {{ . }}
{{- end }}
    service:
      name: in-toto-webhook
      namespace: {{ .root.Release.Namespace }}
      path: {{ .path }}
      port: 443
  failurePolicy: Fail
  matchPolicy: Equivalent
  # By the name that the API server itself gives: labels that people may set open nothing.
  namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: NotIn
        # Else a cluster that was stopped could not start: what the program needs would wait for it.
        values:
          - kube-system
          - {{ .root.Release.Namespace }}
{{- range .root.Values.webhook.exemptNamespaces }}
          - {{ . | quote }}
{{- end }}
{{- with .root.Values.webhook.matchConditions }}
  matchConditions:
{{ toYaml . | indent 4 }}
{{- end }}
  rules:
{{ include "rules" .root | indent 4 }}
{{- /* Events are written, though none of a dry run. */}}
  sideEffects: {{ if and .root.Values.cluster.enabled .root.Values.cluster.events }}NoneOnDryRun{{ else }}None{{ end }}
  timeoutSeconds: {{ .root.Values.webhook.timeoutSeconds }}
{{- end }}

{{- define "authority" -}}
{{- with .Values.tls.certManager }}
  annotations:
    cert-manager.io/inject-ca-from: {{ . }}
{{- end }}
{{- end }}
