package lint

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// units returns the texts of the systemd units by name.
func units(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.service", "*.timer"} {
		files, err := filepath.Glob(deploy + "/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			texts[filepath.Base(file)] = string(text)
		}
	}
	return texts
}

// systemd returns the path of systemd-analyze, or skips the test.
func systemd(t *testing.T) string {
	t.Helper()
	program := os.Getenv("AUTHGRAPH_TEST_SYSTEMD")
	if program == "" {
		t.Skip("skipped: set AUTHGRAPH_TEST_SYSTEMD to the path of a systemd-analyze to run this test")
	}
	return program
}

// TestSystemdTakesTheUnits asks systemd, which passes over what it does not know and tells.
func TestSystemdTakesTheUnits(t *testing.T) {
	program, dir := systemd(t), t.TempDir()
	arguments := []string{"verify", "--man=no"}
	for name, text := range units(t) {
		file := filepath.Join(dir, name)
		// What the unit starts must be there.
		text = strings.ReplaceAll(text, "/usr/local/bin/authgraph", built+"/authgraph")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		arguments = append(arguments, file)
	}
	command := exec.Command(program, arguments...)
	command.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":")
	if output, err := command.CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("systemd: %v\n%s", err, output)
	}
}

// TestTheServicesAreConfined holds the services to systemd's own measure of exposure, from 0 to 10.
func TestTheServicesAreConfined(t *testing.T) {
	program := systemd(t)
	for name := range units(t) {
		if !strings.HasSuffix(name, ".service") {
			continue
		}
		if output, err := exec.Command(program, "security", "--offline=true", "--threshold=15", "--no-pager", deploy+"/"+name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, output)
		}
	}
	if text := units(t)["authgraph.service"]; !strings.Contains(text, "\nStartLimitIntervalSec=0\n") || !strings.Contains(text, "\nRestart=always\n") {
		t.Error("systemd gives up while the database is down")
	}
	confinement := regexp.MustCompile(`(?s)IPAddressDeny=.*?\n(NoNewPrivileges.*?)(\n\[Install\].*)?$`)
	server := confinement.FindStringSubmatch(units(t)["authgraph.service"])
	backup := confinement.FindStringSubmatch(units(t)["authgraph-backup.service"])
	if server == nil || backup == nil || strings.TrimSpace(server[1]) != strings.TrimSpace(backup[1]) {
		t.Error("the backup is confined in another way than the server")
	}
}

// TestTheServiceMayCallWhatItCalls compares the unit's system calls with those that the program makes
// while it starts, hashes a password and ends.
func TestTheServiceMayCallWhatItCalls(t *testing.T) {
	program, tracer := systemd(t), os.Getenv("AUTHGRAPH_TEST_STRACE")
	if tracer == "" {
		t.Skip("skipped: set AUTHGRAPH_TEST_STRACE to the path of an strace to run this test")
	}
	dir, err := os.MkdirTemp("", "authgraph-trace-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	trace := filepath.Join(dir, "trace")
	command := exec.Command(tracer, "-f", "-o", trace, built+"/authgraph", "create-admin", "ada@example.test")
	command.Dir, command.Stdin = dir, strings.NewReader("violet harbour lantern 47\n")
	command.Env = []string{"AUTHGRAPH_DATABASE=sqlite:" + filepath.Join(dir, "authgraph.db")}
	if os.Getuid() == 0 { // for root SQLite does more
		const nobody = 65534
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	var set func(name string, value bool)
	set = func(name string, value bool) {
		if !strings.HasPrefix(name, "@") {
			allowed[name] = value
			return
		}
		output, err := exec.Command(program, "syscall-filter", "--no-pager", name).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for line := range strings.Lines(string(output)) {
			if line = strings.TrimSpace(line); line != "" && line != name && !strings.HasPrefix(line, "#") {
				set(line, value)
			}
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.+)$`).FindAllStringSubmatch(units(t)["authgraph.service"], -1) {
		for name := range strings.FieldsSeq(match[2]) {
			set(name, match[1] == "")
		}
	}
	var calls []string
	for _, match := range regexp.MustCompile(`(?m)^\d+ +(\w+)\(`).FindAllStringSubmatch(string(text), -1) {
		calls = append(calls, match[1])
	}
	slices.Sort(calls)
	calls = slices.Compact(calls)
	if len(calls) < 20 {
		t.Fatalf("the trace has only %v", calls)
	}
	for _, call := range calls {
		if !allowed[call] {
			t.Errorf("the program calls %s, which the unit refuses", call)
		}
	}
	if strings.Contains(string(text), "PROT_EXEC") {
		t.Error("the program makes memory executable, which the unit refuses")
	}
}

func TestTheProgramTakesTheServicesSettings(t *testing.T) {
	text, err := os.ReadFile(deploy + "/authgraph.env")
	if err != nil {
		t.Fatal(err)
	}
	environ := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^(\w+)=(.*)$`).FindAllStringSubmatch(string(text), -1) {
		environ[match[1]] = match[2]
	}
	if len(environ) < 3 {
		t.Errorf("the settings are %v", environ)
	}
	takes(t, environ)
}
