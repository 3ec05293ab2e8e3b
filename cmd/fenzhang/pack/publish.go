package pack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/rulepack"
)

// stack is the deployed system.
type stack struct {
	cfg      aws.Config
	function string
	bucket   string
}

func connect(ctx context.Context) (stack, error) {
	vars := env.Read()
	s := stack{function: vars.Need("STACK_NAME") + "-publish-rules", bucket: vars.Need("RULES_BUCKET")}
	if err := vars.Err(); err != nil {
		return s, err
	}
	var err error
	s.cfg, err = awsclient.Config(ctx)
	return s, err
}

// ask invokes publish-rules.
func (s stack) ask(ctx context.Context, order publish.Order, into any) error {
	payload, err := json.Marshal(order)
	if err != nil {
		return err
	}
	out, err := lambda.NewFromConfig(s.cfg).Invoke(ctx,
		&lambda.InvokeInput{FunctionName: &s.function, Payload: payload})
	if err != nil {
		return err
	}
	if out.FunctionError != nil {
		return fmt.Errorf("%s failed: %s", s.function, out.Payload)
	}
	return json.Unmarshal(out.Payload, into)
}

// move asks for one step in the life of a version.
func move(job string) func(context.Context, []string, io.Writer) error {
	return func(ctx context.Context, args []string, out io.Writer) error {
		s, err := connect(ctx)
		if err != nil {
			return err
		}
		order := publish.Order{Job: job, Pack: args[0], By: os.Getenv("USER"), Why: os.Getenv("WHY")}
		if len(args) > 1 {
			order.Version = args[1]
		}
		var m publish.Outcome
		if err := s.ask(ctx, order, &m); err != nil {
			return err
		}
		if m.Refused != "" {
			return fmt.Errorf("refused, everything stays as it was: %s", m.Refused)
		}
		return printOutcome(out, m)
	}
}

func printOutcome(out io.Writer, m publish.Outcome) error {
	word := "done"
	if !m.Changed {
		word = "it was so already"
	}
	_, err := fmt.Fprintf(out, "%s %s@%s: %s; active %s (before: %s), shadow %s, change %d\n", m.Job,
		m.Pack, m.Version, word, m.Active, m.Before, cmp.Or(m.Shadow, "none"), m.Rev)
	return err
}

func (s stack) report(ctx context.Context, pack string) (publish.Report, error) {
	var r publish.Report
	err := s.ask(ctx, publish.Order{Job: "status", Pack: pack}, &r)
	return r, err
}

// status prints how the packs stand; with a name, also its versions and history.
func status(ctx context.Context, args []string, out io.Writer) error {
	s, err := connect(ctx)
	if err != nil {
		return err
	}
	r, err := s.report(ctx, strings.Join(args, ""))
	if err != nil {
		return err
	}
	return printReport(out, r)
}

func printReport(out io.Writer, r publish.Report) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	var all bytes.Buffer
	fmt.Fprintf(&all, "change %d; trusted keys: %s\n", r.Rev,
		cmp.Or(strings.Join(r.Trusted, ", "), "none"))
	fmt.Fprintln(&all, "PACK\tACTIVE\tSHADOW\tCARRIED\tBEFORE")
	for _, p := range r.Packs {
		carried := "none"
		if p.Embedded != nil {
			carried = p.Embedded.Version
		}
		fmt.Fprintf(&all, "%s\t%s\t%s\t%s\t%s\n", p.Pack, p.Active, cmp.Or(p.Shadow, "-"), carried,
			strings.Join(p.Before, " "))
	}
	for _, p := range r.Packs {
		for _, v := range p.Versions {
			fmt.Fprintf(&all, "version %s\t%s\t%s\t%d examples\tsigned by %s\n", v.Version, v.State,
				v.At.Format(time.RFC3339), v.Examples, v.Key)
		}
		for _, c := range p.History {
			fmt.Fprintf(&all, "%s\t%s\t%s -> %s\t%s\t%s\n", c.At.Format(time.RFC3339), c.Act,
				cmp.Or(c.From, "-"), c.To, c.By, c.Why)
		}
	}
	for _, f := range r.Refusals {
		fmt.Fprintf(&all, "refused %s\t%s\t%s\n", f.At.Format(time.RFC3339), f.What, f.Why)
	}
	if _, err := all.WriteTo(w); err != nil {
		return err
	}
	return w.Flush()
}

// upload copies files first and the manifest last, and waits for what publish-rules makes of it.
func upload(ctx context.Context, args []string, out io.Writer) error {
	dir := os.DirFS(args[0])
	raw, err := os.ReadFile(path.Join(args[0], rulepack.ManifestName))
	if err != nil {
		return fmt.Errorf("%w; sign the pack first", err)
	}
	m, err := rulepack.ParseManifest(raw)
	if err == nil {
		err = m.CheckFiles(dir)
	}
	if err != nil {
		return err
	}
	s, err := connect(ctx)
	if err != nil {
		return err
	}
	before, err := s.report(ctx, m.Pack)
	if err != nil {
		return err
	}
	folder := "incoming/" + m.Pack + "/" + m.Version + "/"
	if err := s.copy(ctx, args[0], folder, m, raw); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "copied %d files to %s%s\n", len(m.Files)+1, s.bucket+"/", folder)
	return errors.Join(err, s.await(ctx, m, before, out))
}

func (s stack) copy(ctx context.Context, dir, folder string, m rulepack.Manifest,
	manifest []byte) error {
	client := s3.NewFromConfig(s.cfg, func(o *s3.Options) {
		o.UsePathStyle = s.cfg.BaseEndpoint != nil
	})
	put := func(name string, body []byte) error {
		_, err := client.PutObject(ctx,
			&s3.PutObjectInput{Bucket: &s.bucket, Key: aws.String(folder + name),
				Body: bytes.NewReader(body)})
		if err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
		return nil
	}
	for _, f := range m.Files {
		body, err := os.ReadFile(path.Join(dir, f.Path))
		if err != nil {
			return err
		}
		if err := put(f.Path, body); err != nil {
			return err
		}
	}
	return put(rulepack.ManifestName, manifest)
}

// patience is how long publish-rules may take to answer for an upload.
const patience = time.Minute

// await looks until the version has the state that was asked for, or was refused.
func (s stack) await(ctx context.Context, m rulepack.Manifest, before publish.Report,
	out io.Writer) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		r, err := s.report(ctx, m.Pack)
		if err != nil {
			return err
		}
		for _, f := range r.Refusals {
			if !slices.ContainsFunc(before.Refusals, func(b publish.Refusal) bool {
				return b.ID == f.ID
			}) && strings.Contains(f.What, "/"+m.Version+"/") {
				return fmt.Errorf("refused, everything stays as it was: %s", f.Why)
			}
		}
		for _, p := range r.Packs {
			if i := slices.IndexFunc(p.Versions, func(v publish.Version) bool {
				return v.SHA256 == m.PackID().SHA256 && reached(v.State, m.WantedState())
			}); i >= 0 {
				_, err := fmt.Fprintf(out, "%s@%s is stored: %s\n", m.Pack, m.Version, p.Versions[i].State)
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return fmt.Errorf(
		"publish-rules has said nothing within %s; see its log, and fenzhang pack status %s", patience,
		m.Pack)
}

// reached tells that a version is where its manifest wanted it. A draft is there once it is stored.
func reached(is, wanted rulepack.State) bool { return wanted == rulepack.Draft || is == wanted }
