package lint

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// secrets are what .env must hold beside compose.yml.
var secrets = types.Mapping{
	"AUTHGRAPH_SECRET":  strings.Repeat("s", 32),
	"DATABASE_PASSWORD": "database",
	"POSTGRES_PASSWORD": "superuser",
}

// compose reads compose.yml as Compose does, which holds it to the specification's schema.
func compose(ctx context.Context, environment types.Mapping) (*types.Project, error) {
	file, err := filepath.Abs(deploy + "/compose.yml")
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  filepath.Dir(file),
		ConfigFiles: []types.ConfigFile{{Filename: file}},
		Environment: environment,
	})
}

func TestComposeAsksForEverySecret(t *testing.T) {
	for name := range secrets {
		environment := types.Mapping{}
		for other, value := range secrets {
			if other != name {
				environment[other] = value
			}
		}
		if _, err := compose(t.Context(), environment); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestComposeIsSound(t *testing.T) {
	project, err := compose(t.Context(), secrets)
	if err != nil {
		t.Fatal(err)
	}
	for name, service := range project.Services {
		if service.Build == nil && !regexp.MustCompile(`^[a-z]+:\d+\.\d+(\.\d+)?$`).MatchString(service.Image) {
			t.Errorf("%s runs %s; want an exact version", name, service.Image)
		}
		if !service.ReadOnly || !slices.Equal(service.CapDrop, []string{"ALL"}) || len(service.CapAdd) > 0 || service.Privileged ||
			!slices.Contains(service.SecurityOpt, "no-new-privileges:true") || service.Restart != "unless-stopped" {
			t.Errorf("%s is not confined", name)
		}
		if service.Build == nil && (service.User == "" || service.User == "root") {
			t.Errorf("%s runs as %q", name, service.User)
		}
		if service.Build == nil && service.HealthCheck == nil {
			t.Errorf("nobody asks how %s is", name)
		}
		for _, port := range service.Ports {
			if name != "proxy" || port.HostIP != "127.0.0.1" {
				t.Errorf("%s is open at %s:%s", name, port.HostIP, port.Published)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind {
				if _, err := os.Stat(volume.Source); err != nil {
					t.Error(err)
				}
			}
		}
	}
	database, authgraph, proxy := project.Services["database"], project.Services["authgraph"], project.Services["proxy"]
	if _, back := authgraph.Networks["back"]; !back || !project.Networks["back"].Internal || len(database.Networks) != 1 || len(proxy.Networks) != 1 {
		t.Error("the database can be reached past authgraph")
	}
	network := project.Networks["front"].Ipam.Config[0].Subnet
	if _, err := netip.ParsePrefix(network); err != nil || *authgraph.Environment["AUTHGRAPH_TRUSTED_PROXIES"] != network {
		t.Errorf("the proxy is in %s, and %s is trusted", network, *authgraph.Environment["AUTHGRAPH_TRUSTED_PROXIES"])
	}
	if replicas := *authgraph.Deploy.Replicas; replicas != 3 {
		t.Errorf("there are %d replicas", replicas)
	}
	if _, err := os.Stat(filepath.Join(authgraph.Build.Context, authgraph.Build.Dockerfile)); err != nil {
		t.Error(err)
	}
	environ := map[string]string{}
	for name, value := range authgraph.Environment {
		environ[name] = *value
	}
	takes(t, environ)
}
