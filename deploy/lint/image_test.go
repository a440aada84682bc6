// Package lint holds the files of deploy/ to what reads them: the Dockerfile to BuildKit's parser,
// compose.yml to Compose's, the manifests to the types of Kubernetes, the units to systemd. What the
// Dockerfile builds is built and run here, by its own commands but without a container engine; the
// settings that the other files make are given to the program.
package lint

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

const (
	tree   = "../.." // the repository
	deploy = ".."
)

// built is the folder that holds what the build stage of the Dockerfile makes. TestMain fills it.
var built string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "authgraph-image-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		// Whoever runs the image must get through to it.
		if err := errors.Join(os.Chmod(dir, 0o755), build(dir)); err != nil {
			fmt.Fprintln(os.Stderr, "the Dockerfile's commands fail:", err)
			return 1
		}
		built = dir
		return m.Run()
	}())
}

// dockerfile returns the two stages of the Dockerfile and what BuildKit warns of.
func dockerfile() (stages []instructions.Stage, warnings []string, err error) {
	text, err := os.ReadFile(deploy + "/Dockerfile")
	if err != nil {
		return nil, nil, err
	}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	for _, warning := range parsed.Warnings {
		warnings = append(warnings, warning.Short)
	}
	stages, _, err = instructions.Parse(parsed.AST, linter.New(&linter.Config{
		Warn: func(rule, _, _, message string, _ []parser.Range) { warnings = append(warnings, rule+": "+message) },
	}))
	return stages, warnings, err
}

// environment returns what a stage sets for its commands.
func environment(stage instructions.Stage) (environ []string) {
	for _, command := range stage.Commands {
		if env, ok := command.(*instructions.EnvCommand); ok {
			for _, pair := range env.Env {
				environ = append(environ, pair.String())
			}
		}
	}
	return environ
}

// copies returns the stage's copies out of another one, the source of each by its destination.
func copies(stage instructions.Stage) map[string]string {
	found := map[string]string{}
	for _, command := range stage.Commands {
		if copied, ok := command.(*instructions.CopyCommand); ok && copied.From != "" {
			for _, source := range copied.SourcePaths {
				destination := copied.DestPath
				if strings.HasSuffix(destination, "/") {
					destination += path.Base(source)
				}
				found[destination] = source
			}
		}
	}
	return found
}

// build runs the commands of the build stage in the repository. What they make for the image goes
// into dir instead of the root.
func build(dir string) error {
	stages, _, err := dockerfile()
	if err != nil {
		return err
	}
	if len(stages) != 2 {
		return fmt.Errorf("want two stages, not %d", len(stages))
	}
	for _, command := range stages[0].Commands {
		run, ok := command.(*instructions.RunCommand)
		if !ok {
			continue
		}
		line := strings.Join(run.CmdLine, " ")
		for _, source := range copies(stages[1]) {
			line = strings.ReplaceAll(line, " "+source, " "+filepath.Join(dir, source))
		}
		shell := exec.Command("sh", "-e", "-c", line)
		shell.Dir = tree
		shell.Env = append(os.Environ(), environment(stages[0])...)
		if output, err := shell.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", line, err, output)
		}
	}
	return nil
}

func TestTheDockerfileIsSound(t *testing.T) {
	stages, warnings, err := dockerfile()
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range warnings {
		t.Error(warning)
	}
	module, err := os.ReadFile(tree + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	needed := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))[1]
	if image := stages[0].BaseName; !regexp.MustCompile(`^golang:` + regexp.QuoteMeta(needed) + `\.\d+$`).MatchString(image) {
		t.Errorf("it is built by %s; want an exact version of Go %s", image, needed)
	}
	final := stages[1]
	if final.BaseName != "scratch" {
		t.Errorf("the image begins with %s", final.BaseName)
	}
	user, entry, exposed, volume, workdir := "", false, "", "", ""
	for _, command := range final.Commands {
		switch c := command.(type) {
		case *instructions.AddCommand, *instructions.RunCommand, *instructions.HealthCheckCommand:
			t.Errorf("nothing in the image can do %s", c.Name())
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			entry = !c.PrependShell && slices.Equal(c.CmdLine, []string{"/authgraph"})
		case *instructions.ExposeCommand:
			exposed = strings.Join(c.Ports, " ")
		case *instructions.VolumeCommand:
			volume = strings.Join(c.Volumes, " ")
		case *instructions.WorkdirCommand:
			workdir = c.Path
		case *instructions.CopyCommand:
			if c.From != "build" {
				t.Errorf("%v does not come out of the build", c.SourcePaths)
			}
			if c.DestPath == "/data" && c.Chown != user && user != "" {
				t.Errorf("/data belongs to %s", c.Chown)
			}
		}
	}
	// A name would need /etc/passwd, and Kubernetes cannot tell that it is not root's.
	if !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("the image runs as %q", user)
	}
	if !entry {
		t.Error("the program is not what the image starts")
	}
	if volume != "/data" || workdir != volume {
		t.Errorf("it runs in %s, and %s is kept", workdir, volume)
	}
	if environ := environment(final); !slices.Contains(environ, "AUTHGRAPH_ADDR=:"+exposed) {
		t.Errorf("it shows port %s and has %v", exposed, environ)
	}
	for _, stage := range stages {
		for _, command := range stage.Commands {
			if _, ok := command.(*instructions.ArgCommand); ok {
				t.Error("an argument of the build stays in the image's history")
			}
		}
	}
}

func TestTheImagesProgramIsStatic(t *testing.T) {
	file, err := elf.Open(built + "/authgraph")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the program asks for a loader: %s", part.Type)
		}
	}
	if libraries, err := file.ImportedLibraries(); err == nil && len(libraries) > 0 {
		t.Errorf("the program asks for %v", libraries)
	}
	if file.Section(".symtab") != nil || file.Section(".debug_info") != nil || file.Section(".zdebug_info") != nil {
		t.Error("the program holds what only a debugger wants")
	}
	info, err := buildinfo.ReadFile(built + "/authgraph")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, setting := range info.Settings {
		got[setting.Key] = setting.Value
	}
	if got["CGO_ENABLED"] != "0" || got["-trimpath"] != "true" {
		t.Errorf("built with %v", got)
	}
}

// TestTheImageServes starts the program with the files, the user and the environment of the image and
// nothing else: where the tests run as root, with the image's files as its root.
func TestTheImageServes(t *testing.T) {
	stages, _, err := dockerfile()
	if err != nil {
		t.Fatal(err)
	}
	final := stages[1]
	root, err := os.MkdirTemp("", "authgraph-root-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	const certificates = "/etc/ssl/certs/ca-certificates.crt"
	for destination, source := range copies(final) {
		at := built + source
		if source == certificates {
			at = source // the build image has them from the same package
		}
		if output, err := exec.Command("sh", "-e", "-c", `mkdir -p "$(dirname "$2")" && cp -rp "$1" "$2"`, "sh", at, root+destination).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	program := exec.Command("/authgraph")
	program.Dir = "/data"
	for _, variable := range environment(final) {
		// The image's port may be taken here.
		if strings.HasPrefix(variable, "AUTHGRAPH_ADDR=") {
			variable = "AUTHGRAPH_ADDR=127.0.0.1:0"
		}
		program.Env = append(program.Env, variable)
	}
	if os.Getuid() == 0 {
		var user, group int
		for _, command := range final.Commands {
			if c, ok := command.(*instructions.UserCommand); ok {
				if _, err := fmt.Sscanf(c.User, "%d:%d", &user, &group); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.Chown(root+"/data", user, group); err != nil {
			t.Fatal(err)
		}
		program.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(group)}}
	} else {
		program.Path, program.Dir = root+program.Path, root+program.Dir
	}
	var log bytes.Buffer
	program.Stderr = &log
	output, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	defer program.Process.Kill()
	address := readyAddress(output)
	if address == "" {
		t.Fatalf("it did not start: %v\n%s", program.Wait(), log.String())
	}
	client := http.Client{Timeout: 10 * time.Second}
	for _, where := range []string{"/healthz", "/readyz"} {
		response, err := client.Get("http://" + address + where)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s is %d", where, response.StatusCode)
		}
	}
	for _, name := range []string{"authgraph.db", "authgraph.db.secret"} {
		if _, err := os.Stat(root + "/data/" + name); err != nil {
			t.Errorf("the volume lacks %s: %v", name, err)
		}
	}
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := program.Wait(); err != nil {
		t.Errorf("told to stop, it ends with %v\n%s", err, log.String())
	}
}

// readyAddress reads the banner and returns the address that the program listens on.
func readyAddress(banner io.Reader) string {
	text := make([]byte, 0, 1024)
	for buffer := make([]byte, 1024); ; {
		n, err := banner.Read(buffer)
		text = append(text, buffer[:n]...)
		if match := regexp.MustCompile(`(?m)^ready on (\S+)\n`).FindSubmatch(text); match != nil {
			go func() { _, _ = io.Copy(io.Discard, banner) }()
			return string(match[1])
		}
		if err != nil {
			return ""
		}
	}
}

// takes fails the test unless the program takes these settings. The others of the environment are
// not its own.
func takes(t *testing.T, environ map[string]string) {
	t.Helper()
	program := exec.Command(built+"/authgraph", "version")
	program.Dir = t.TempDir()
	for name, value := range environ {
		program.Env = append(program.Env, name+"="+value)
	}
	output, err := program.CombinedOutput()
	if err != nil {
		t.Errorf("the program refuses the settings: %s", output)
	}
}

// megabytes reads a quantity such as 400MiB or 512Mi.
func megabytes(t *testing.T, text string) int {
	t.Helper()
	match := regexp.MustCompile(`^(\d+)MiB?$`).FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("%q is no number of MiB", text)
	}
	n, _ := strconv.Atoi(match[1])
	return n
}
