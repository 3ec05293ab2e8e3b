package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
)

// target is where binaries will run: on AWS, or on a machine like this one.
type target struct {
	os, arch string
	aws      bool
}

// host is this machine.
func host() target { return target{os: runtime.GOOS, arch: runtime.GOARCH} }

// lambda is AWS Lambda.
func lambda(arch string) target { return target{os: "linux", arch: arch, aws: true} }

func (t target) String() string { return t.os + "/" + t.arch }

// lambdaArch is Lambda's name for the architecture.
func (t target) lambdaArch() string {
	if t.arch == "amd64" {
		return "x86_64"
	}
	return t.arch
}

// buildFunctions builds all functions in one call of the compiler, which shares the work and skips
// what has not changed, and zips each where the template's CodeUri looks for it:
// .local/build/NAME.zip.
func buildFunctions(ctx context.Context, root string, t target, say func(string)) (string, error) {
	bin := filepath.Join(root, ".local", "build", "bin-"+t.os+"-"+t.arch)
	if t.aws {
		bin += "-aws"
	}
	if err := goBuild(ctx, root, t, bin, say, "./functions/..."); err != nil {
		return "", err
	}
	names, err := commands(filepath.Join(root, "functions"))
	if err != nil {
		return "", err
	}
	say("zipping")
	var packs []func() error
	for _, name := range names {
		packs = append(packs, func() error {
			return pack(filepath.Join(bin, name), filepath.Join(root, ".local", "build", name+".zip"))
		})
	}
	return fmt.Sprintf("%d functions", len(names)), together(packs...)
}

// buildStandins builds the programs that play the outside parties; they always run on this machine.
// The demo is compiled with them, beside the installation of the Python packages, so that nobody
// waits for it later.
func buildStandins(ctx context.Context, root string, say func(string)) (string, error) {
	bin := filepath.Join(root, ".local", "build", "standin")
	return "ready", goBuild(ctx, root, host(), bin, say, "./local/standin/...", "./local/demo")
}

// goBuild compiles the main packages of some patterns into a folder.
func goBuild(ctx context.Context, root string, t target, bin string, say func(string),
	patterns ...string) error {
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	// The trailing separator makes it a folder. On the way to AWS equal sources give equal bytes
	// everywhere (no paths, no build info), profiles steer the compiler, and HTTP/2, which nothing
	// that a function calls needs, stays away; on this machine the compiled packages are shared with
	// everything else that is built here, which halves a first build.
	args := []string{"build", "-v", "-buildvcs=false", "-ldflags", "-s -w", "-o",
		bin + string(filepath.Separator)}
	env := append(os.Environ(), "CGO_ENABLED=0")
	if !t.aws {
		args = append(args, "-tags", "lambda.norpc", "-pgo=off")
	} else {
		args = append(args, "-tags", "lambda.norpc,nethttpomithttp2", "-trimpath")
		env = append(env, "GOOS="+t.os, "GOARCH="+t.arch)
	}
	cmd := program(ctx, root, "go", append(args, patterns...)...)
	cmd.Env = env
	return command(ctx, cmd, bin+".log", say)
}

// commands lists the folders below dir that hold a main.go.
func commands(dir string) ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(dir, "*", "main.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range mains {
		names = append(names, filepath.Base(filepath.Dir(m)))
	}
	sort.Strings(names)
	return names, nil
}

// pack zips a built binary the way Lambda wants it, unless the zip holds exactly this binary
// already: its comment is the binary's hash. Equal binaries give equal zips.
func pack(built, path string) error {
	binary, err := os.ReadFile(built)
	if err != nil {
		return err
	}
	hash := hashOf(binary)
	if packed(path, hash) {
		return nil
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	entry := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	entry.SetMode(0o755)
	f, err := w.CreateHeader(entry)
	if err != nil {
		return err
	}
	if _, err := f.Write(binary); err != nil {
		return err
	}
	if err := errors.Join(w.SetComment(hash), w.Close()); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}

func packed(path, hash string) bool {
	r, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	defer func() { _ = r.Close() }() // it was only read
	return r.Comment == hash
}
