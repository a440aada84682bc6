package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// docsCommand writes what runs found into a page of the documentation, between markers:
//
//	<!-- bench: machine -->     on what it was measured
//	<!-- bench: table -->       every figure
//	<!-- bench: QUESTION -->    the plot of one question, its figures, and how to repeat it
//	<!-- /bench -->             the end of each
//
// The plots go into a folder beside the page that has its name. Around the markers the page is for
// people to write; where there is none, one with all markers is made.
type docsCommand struct {
	Results []string `arg:"" type:"existingfile" help:"What runs wrote; of a question that several asked, the last counts."`
	Page    string   `default:"docs/performance.md" placeholder:"FILE" help:"The page."`
}

const markerEnd = "<!-- /bench -->"

func marker(name string) string { return "<!-- bench: " + name + " -->" }

// Run writes the page and the plots.
func (c docsCommand) Run() error {
	found, err := readAll(c.Results)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.Page)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(emptyPage()), nil
	}
	if err != nil {
		return err
	}
	folder := strings.TrimSuffix(c.Page, filepath.Ext(c.Page))
	page, err := found.fillIn(string(text), filepath.Base(folder))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Page, err)
	}
	return errors.Join(os.WriteFile(c.Page, []byte(page), 0o644), found.plots(folder))
}

// readAll puts the results of several runs together.
func readAll(paths []string) (*results, error) {
	var all *results
	for _, path := range paths {
		one, err := readResults(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if all == nil {
			all = one
			continue
		}
		if err := all.add(one); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return all, nil
}

// add puts the figures of a later run beside those of an earlier one, or in their place.
func (r *results) add(later *results) error {
	if before, now := r.Machine.host(), later.Machine.host(); before != now {
		return fmt.Errorf("figures of several machines do not belong into one table: %+v and %+v", before, now)
	}
	if r.Machine.source() != later.Machine.source() {
		return fmt.Errorf("figures of several versions do not belong into one table: %s and %s", r.Machine.source(), later.Machine.source())
	}
	if r.Extent != later.Extent {
		return fmt.Errorf("figures of different extents do not belong into one table: %+v and %+v", r.Extent, later.Extent)
	}
	for _, f := range later.Figures {
		r.Figures = append(slices.DeleteFunc(r.Figures, func(old figures) bool { return old.Name == f.Name }), f)
	}
	order := map[string]int{}
	for i, q := range questions() {
		order[q.name] = i
	}
	slices.SortStableFunc(r.Figures, func(a, b figures) int { return order[a.Name] - order[b.Name] })
	r.Time = later.Time
	return nil
}

// emptyPage returns a page that has all markers.
func emptyPage() string {
	page := new(strings.Builder)
	section := func(heading, name string) { fmt.Fprintf(page, "%s\n\n%s\n%s\n\n", heading, marker(name), markerEnd) }
	section("# Performance", "machine")
	section("## Figures", "table")
	for _, q := range questions() {
		section("## "+strings.ToUpper(q.title[:1])+q.title[1:], q.name)
	}
	return strings.TrimSuffix(page.String(), "\n")
}

// fillIn writes the figures into a page whose plots are in a folder beside it. What was not
// measured stays as it is.
func (r *results) fillIn(page, folder string) (string, error) {
	parts := map[string]string{"machine": r.machineText(), "table": r.markdown(r.Figures)}
	for _, f := range r.Figures {
		if f.Skipped == "" {
			parts[f.Name] = fmt.Sprintf("![%s](%s/%s.svg)\n\n%s\nAgain: `go run ./bench --only %s`\n", f.Title, folder, f.Name, r.markdown([]figures{f}), f.Name)
		}
	}
	for name, part := range parts {
		before, rest, ok := strings.Cut(page, marker(name)+"\n")
		if !ok {
			if name == "machine" || name == "table" {
				return "", fmt.Errorf("there is no %s", marker(name))
			}
			continue
		}
		_, after, ok := strings.Cut(rest, markerEnd)
		if !ok {
			return "", fmt.Errorf("%s has no %s", marker(name), markerEnd)
		}
		page = before + marker(name) + "\n" + part + markerEnd + after
	}
	return page, nil
}

// machineText says on what was measured.
func (r *results) machineText() string {
	m := r.Machine
	return fmt.Sprintf("%d cores of %s, %s of memory, Linux %s, %s; %s, measured %s in %d rounds.\n",
		m.Cores, m.CPU, m.Memory, m.Kernel, m.Go, m.source(), r.Time.Format("2006-01-02"), r.Extent.Rounds)
}

// markdown returns figures as a table.
func (r *results) markdown(of []figures) string {
	table := new(strings.Builder)
	table.WriteString("| question | figure | measured | against | result | spread | goal | |\n|---|---|---:|---:|---:|---:|---:|---|\n")
	for _, f := range of {
		for _, line := range f.Rows {
			against := ""
			if line.Against != nil {
				against = figure(line.Against.Median) + " " + line.Unit
			}
			fmt.Fprintf(table, "| %s | %s | %s %s | %s | **%s** | %s–%s | %s | %s |\n", f.Title, line.Title,
				figure(line.Reading.Median), line.Unit, against, figure(line.Figure.Median), figure(line.Figure.Low), figure(line.Figure.High), line.Goal, line.Verdict)
		}
		if f.Skipped != "" {
			fmt.Fprintf(table, "| %s | not measured: %s | | | | | | |\n", f.Title, f.Skipped)
		}
	}
	return table.String()
}
