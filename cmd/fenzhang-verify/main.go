// Command fenzhang-verify checks a folder of audit evidence offline. With the files and the public
// key alone it finds changed, missing, added and reordered records and prints their ids.
//
//	fenzhang-verify DIR -key public.pem [-head head.json]...
//	fenzhang-verify -proof proof.json -key public.pem
//
// DIR holds <tenant>/<seq>.ndjson and <tenant>/heads/<seq>.json as the audit bucket does. A head
// that was kept elsewhere (-head FILE, also a proof, which contains its head) shows that no records
// were cut off at the end. The last line is "N passed, N failed". The exit code is 0 when nothing
// failed, 1 when something failed, and 2 when the check could not be made.
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

// The exit codes of the command.
const (
	allPassed = iota
	someFailed
	notChecked
)

// options are the arguments and flags of the command line.
type options struct {
	dir, key, proof string
	heads           []string
}

var errUsage = errors.New(
	"usage: fenzhang-verify DIR -key public.pem [-head head.json]..., or -proof proof.json -key " +
		"public.pem")

// parseOptions reads the command line: one folder, or one proof, and the public key.
func parseOptions(args []string, stderr io.Writer) (options, error) {
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
	for len(args) > 0 { // flags may come before and after the folder
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

// run makes the check and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	passed, err := verify(args, stdout, stderr)
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(stderr, err) // a failed write to stderr can be reported nowhere
		return notChecked
	case !passed:
		return someFailed
	}
	return allPassed
}

// verify reads the command line, makes the check and prints its report; it returns whether all
// checks passed.
func verify(args []string, stdout, stderr io.Writer) (bool, error) {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return false, err
	}
	report, err := o.checkEvidence()
	if err != nil {
		return false, err
	}
	return report.Print(stdout)
}

// checkEvidence checks the proof, or the folder with the heads that were kept elsewhere.
func (o options) checkEvidence() (audit.Report, error) {
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

// readHead reads a signed head from a file: the object of a head, a head from the API, or a proof
// that contains its head.
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

// checkProof checks one inclusion proof; an invalid proof is a failed check and no error.
func checkProof(path string, key audit.Checker) (audit.Report, error) {
	var p audit.Proof
	if err := readJSON(path, &p); err != nil {
		return audit.Report{}, err
	}
	if err := p.Verify(key); err != nil {
		wrong := audit.Finding{Object: path, Record: p.ID, Problem: audit.Unconfirmed,
			Detail: err.Error()}
		//nolint:nilerr // an invalid proof is a failed check, no error
		return audit.Report{Failed: 1, Findings: []audit.Finding{wrong}}, nil
	}
	return audit.Report{Passed: 1}, nil
}

// readJSON decodes the JSON of a file.
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
