package lint

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of deploy/kubernetes.
type manifests struct {
	namespace  core.Namespace
	secret     core.Secret
	deployment apps.Deployment
	service    core.Service
	budget     policy.PodDisruptionBudget
	network    networking.NetworkPolicy
	ingress    networking.Ingress
}

// readManifests reads every manifest into the type of its kind, which must know all of its fields.
func readManifests(t *testing.T) *manifests {
	t.Helper()
	m := new(manifests)
	kinds := map[string]any{
		"v1 Namespace": &m.namespace, "v1 Secret": &m.secret, "apps/v1 Deployment": &m.deployment, "v1 Service": &m.service,
		"policy/v1 PodDisruptionBudget": &m.budget, "networking.k8s.io/v1 NetworkPolicy": &m.network, "networking.k8s.io/v1 Ingress": &m.ingress,
	}
	files, err := filepath.Glob(deploy + "/kubernetes/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("\n---")) {
			t.Errorf("%s: want one object in a file", file)
		}
		var head struct {
			APIVersion, Kind string
			Metadata         struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal(text, &head); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		kind := head.APIVersion + " " + head.Kind
		object, known := kinds[kind]
		if !known {
			t.Errorf("%s holds a second %s, or one that is not checked", file, kind)
			continue
		}
		delete(kinds, kind)
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if name := strings.ToLower(head.Kind) + ".yaml"; strings.TrimSuffix(filepath.Base(file), ".example") != name {
			t.Errorf("%s holds a %s", file, head.Kind)
		}
		if head.Metadata.Name != "authgraph" || kind != "v1 Namespace" && head.Metadata.Namespace != "authgraph" {
			t.Errorf("%s: it is %s in %s", file, head.Metadata.Name, head.Metadata.Namespace)
		}
	}
	for kind := range kinds {
		t.Errorf("there is no %s", kind)
	}
	if t.Failed() {
		t.FailNow()
	}
	return m
}

func TestTheManifestsFitTogether(t *testing.T) {
	m := readManifests(t)
	pod := m.deployment.Spec.Template
	for name, selector := range map[string]map[string]string{
		"Deployment": m.deployment.Spec.Selector.MatchLabels, "Service": m.service.Spec.Selector, "PodDisruptionBudget": m.budget.Spec.Selector.MatchLabels,
		"NetworkPolicy": m.network.Spec.PodSelector.MatchLabels, "spread": pod.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels,
	} {
		if len(selector) == 0 || !maps.Equal(selector, pod.Labels) {
			t.Errorf("the %s selects %v, and the pods are %v", name, selector, pod.Labels)
		}
	}
	container := pod.Spec.Containers[0]
	port := container.Ports[0]
	if m.service.Spec.Ports[0].TargetPort.StrVal != port.Name || m.network.Spec.Ingress[0].Ports[0].Port.StrVal != port.Name {
		t.Errorf("nobody comes to port %s", port.Name)
	}
	var public string
	for _, variable := range container.Env {
		if variable.Name == "AUTHGRAPH_PUBLIC_URL" {
			public = strings.TrimPrefix(variable.Value, "https://")
		}
	}
	rule := m.ingress.Spec.Rules[0]
	if rule.Host != public || !slices.Equal(m.ingress.Spec.TLS[0].Hosts, []string{public}) {
		t.Errorf("the Ingress is for %s, with a certificate for %v, and PUBLIC_URL is %s", rule.Host, m.ingress.Spec.TLS[0].Hosts, public)
	}
	var paths []string
	for _, one := range rule.HTTP.Paths {
		paths = append(paths, one.Path)
		if *one.PathType != networking.PathTypeExact || one.Backend.Service.Name != m.service.Name || one.Backend.Service.Port.Name != m.service.Spec.Ports[0].Name {
			t.Errorf("%s goes astray", one.Path)
		}
	}
	if !slices.Equal(paths, []string{"/graphql", "/.well-known/jwks.json"}) {
		t.Errorf("the public can ask %v", paths)
	}
	if rolling := m.deployment.Spec.Strategy.RollingUpdate; rolling.MaxUnavailable.String() != "0" || *m.deployment.Spec.Replicas < 3 || m.budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Error("an upgrade takes replicas away")
	}
}

func TestThePodsAreConfined(t *testing.T) {
	m := readManifests(t)
	for _, mode := range []string{"enforce", "warn"} {
		if level := m.namespace.Labels["pod-security.kubernetes.io/"+mode]; level != "restricted" {
			t.Errorf("the namespace is %q", level)
		}
	}
	pod := m.deployment.Spec.Template.Spec
	container := pod.Containers[0]
	if !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser == 0 || pod.SecurityContext.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault ||
		*container.SecurityContext.AllowPrivilegeEscalation || !*container.SecurityContext.ReadOnlyRootFilesystem ||
		!slices.Equal(container.SecurityContext.Capabilities.Drop, []core.Capability{"ALL"}) || *pod.AutomountServiceAccountToken {
		t.Error("the pods may do what they need not")
	}
	if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
		t.Error("the variables of the Service would stop the start")
	}
	if !slices.Equal(m.network.Spec.PolicyTypes, []networking.PolicyType{networking.PolicyTypeIngress, networking.PolicyTypeEgress}) {
		t.Errorf("only %v is confined", m.network.Spec.PolicyTypes)
	}
}

func TestThePodsAreLookedAfter(t *testing.T) {
	pod := readManifests(t).deployment.Spec.Template.Spec
	container := pod.Containers[0]
	for name, probe := range map[string]*core.Probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
		if probe.HTTPGet.Path != name || probe.HTTPGet.Port.StrVal != container.Ports[0].Name {
			t.Errorf("%s is asked at %s", name, probe.HTTPGet.Path)
		}
	}
	if startup := container.StartupProbe; startup.HTTPGet.Path != "/healthz" || startup.PeriodSeconds*startup.FailureThreshold != 600 {
		t.Error("a migration has not the ten minutes that docs/deploy.md tells of")
	}
	end := 10 * time.Second // shutdownTime of server.go, which a test of the page holds
	if grace, pause := *pod.TerminationGracePeriodSeconds, container.Lifecycle.PreStop.Sleep.Seconds; time.Duration(grace-pause)*time.Second <= end {
		t.Errorf("of %d s, %d s are for the pause: requests are cut off", grace, pause)
	}
	limit := container.Resources.Limits.Memory().String()
	for _, variable := range container.Env {
		if variable.Name == "GOMEMLIMIT" && megabytes(t, variable.Value) >= megabytes(t, limit) {
			t.Errorf("Go may take %s of %s", variable.Value, limit)
		}
	}
	if container.Resources.Limits.Cpu().Sign() != 0 {
		t.Error("CPU time is limited")
	}
}

func TestTheProgramTakesThePodsSettings(t *testing.T) {
	m := readManifests(t)
	environ := map[string]string{}
	for _, variable := range m.deployment.Spec.Template.Spec.Containers[0].Env {
		environ[variable.Name] = variable.Value
		if source := variable.ValueFrom; source != nil {
			value, known := m.secret.StringData[source.SecretKeyRef.Key]
			if !known || source.SecretKeyRef.Name != m.secret.Name {
				t.Errorf("%s is in no Secret", variable.Name)
			}
			if value != "replace-me" {
				t.Errorf("%s is %q in the template", variable.Name, value)
			}
			environ[variable.Name] = strings.Repeat(strconv.Itoa(len(environ)%10), 32)
		}
	}
	takes(t, environ)
}
