// Command fenzhang-verify checks a folder of audit evidence, offline: from the files and the public
// key alone it finds changed, missing, added and reordered records and names them.
//
//	fenzhang-verify DIR -key public.pem [-head head.json]...
//	fenzhang-verify -proof proof.json -key public.pem
//
// DIR holds <tenant>/<seq>.ndjson and <tenant>/heads/<seq>.json as the audit bucket does. A head
// that was kept elsewhere (-head, also a proof with its head) shows that nothing was cut off at the
// end. The last line is "N passed, N failed"; the exit code is 0 when nothing failed, 1 when
// something did, 2 when it could not check.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"fenzhang/shared/audit"
	"fenzhang/shared/vault/sm2signer"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// The exit codes.
const (
	allPassed = iota
	someFailed
	notChecked
)

// options are the command line.
type options struct {
	dir, key, proof string
	heads           []string
}

var errUsage = errors.New(
	"usage: fenzhang-verify DIR -key public.pem [-head head.json]..., or -proof proof.json -key " +
		"public.pem")

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("fenzhang-verify", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.key, "key", "", "the public key, PEM")
	f.StringVar(&o.proof, "proof", "", "check one inclusion proof instead of a folder")
	f.Func("head", "a signed head that was kept elsewhere; may be given several times",
		func(path string) error {
			o.heads = append(o.heads, path)
			return nil
		})
	for len(args) > 0 { // flags may stand before and after the folder
		if err := f.Parse(args); err != nil {
			return o, err
		}
		if args = f.Args(); len(args) > 0 {
			if o.dir != "" {
				return o, errUsage
			}
			o.dir, args = args[0], args[1:]
		}
	}
	if o.key == "" || (o.dir == "") == (o.proof == "") {
		return o, errUsage
	}
	return o, nil
}

func run(args []string, stdout, stderr io.Writer) int {
	passed, err := verify(args, stdout, stderr)
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(stderr, err) // there is nowhere else to say it
		return notChecked
	case !passed:
		return someFailed
	}
	return allPassed
}

func verify(args []string, stdout, stderr io.Writer) (bool, error) {
	o, err := parse(args, stderr)
	if err != nil {
		return false, err
	}
	report, err := o.check()
	if err != nil {
		return false, err
	}
	return report.Print(stdout)
}

func (o options) check() (audit.Report, error) {
	text, err := os.ReadFile(o.key)
	if err != nil {
		return audit.Report{}, err
	}
	key, err := sm2signer.ParsePEM(text)
	if err != nil {
		return audit.Report{}, err
	}
	if o.proof != "" {
		return checkProof(o.proof, key)
	}
	var kept []audit.SignedHead
	for _, path := range o.heads {
		head, err := readHead(path)
		if err != nil {
			return audit.Report{}, err
		}
		kept = append(kept, head)
	}
	if info, err := os.Stat(o.dir); err != nil || !info.IsDir() {
		return audit.Report{}, fmt.Errorf("%s is not a folder", o.dir)
	}
	return audit.Check(os.DirFS(o.dir), key, kept...)
}

// readHead reads a kept head: the object of a head, an answered head, or a proof that carries one.
func readHead(path string) (audit.SignedHead, error) {
	var file struct {
		audit.SignedHead
		Head *audit.SignedHead `json:"head"`
	}
	if err := readJSON(path, &file); err != nil {
		return audit.SignedHead{}, err
	}
	if file.Head != nil {
		return *file.Head, nil
	}
	return file.SignedHead, nil
}

func checkProof(path string, key audit.Checker) (audit.Report, error) {
	var p audit.Proof
	if err := readJSON(path, &p); err != nil {
		return audit.Report{}, err
	}
	if err := p.Verify(key); err != nil {
		return audit.Report{Failed: 1,
				Findings: []audit.Finding{{Object: path, Record: p.ID, Problem: audit.Unconfirmed,
					Detail: err.Error()}}},
			nil //nolint:nilerr // a proof that does not hold is a finding, and counts as failed
	}
	return audit.Report{Passed: 1}, nil
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
