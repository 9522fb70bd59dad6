using Xenlet.Machines;
using Xenlet.QemuXen;

namespace Xenlet.Build;

/// <summary>Carries out the commands.</summary>
/// <param name="repository">The copy of the repository to work on.</param>
/// <param name="cancellationToken">Ends the work and the processes that it has started.</param>
internal sealed class Tool(Repository repository, CancellationToken cancellationToken)
{
    private readonly ProcessRunner _processes = new(cancellationToken);

    /// <summary>Carries out one command.</summary>
    /// <returns>The exit status.</returns>
    /// <exception cref="BuildException">It cannot be carried out.</exception>
    public async Task<int> ExecuteAsync(BuildCommand command)
    {
        switch (command)
        {
            case HelpCommand:
                Console.Out.Write(Help.Text);
                return 0;

            case ImageCommand build:
                Require(Prerequisite.Linking());
                Report(MakeImage(build.Project));
                return 0;

            case PackCommand pack:
                foreach (string package in new PackageMaker(repository, _processes, Say).Make(pack.Version))
                {
                    Console.Out.WriteLine(Path.GetRelativePath(Environment.CurrentDirectory, package));
                }

                return 0;

            case RunCommand run:
                return await RunAsync(run);

            case TestCommand test:
                return Test(() => new TestRunner(repository, _processes, Say).Run(test.Filter, soak: false));

            case TestProjectCommand test:
                string tests = repository.FindTestProject(test.Project);
                return Test(() => new ProjectTest(repository, _processes, Say).Run(tests, test.Filter));

            case TestPackagesCommand test:
                string packages = repository.FindTestProject("Packages.Tests");
                return Test(() => new ProjectTest(repository, _processes, Say).Run(packages, test.Filter, soak: null));

            case TestCaseCommand test:
                return await TestAsync(() => new CaseTest(repository, _processes, Say).RunAsync(test, cancellationToken));

            case SoakCommand soak:
                return Test(() => new TestRunner(repository, _processes, Say).Run(soak.Filter, soak: true));

            case FlakesCommand flakes:
                Require(Needed.Testing);
                return new FlakeHunt(repository, _processes, Say).Run(flakes);

            case FuzzCommand fuzz:
                return new FuzzRun(repository, _processes, Say).Run(fuzz);

            case BenchCommand bench:
                Require([.. Prerequisite.Linking(), .. Needed.Booting]);
                return _processes.Run(
                    "dotnet",
                    ["run", "--project", Repository.FindProject(repository.BenchProject), "-c", "Release", "--", .. bench.Arguments],
                    ProcessOutput.Inherited);

            case CleanCommand:
                foreach (string directory in repository.Clean())
                {
                    Say($"removed {Path.GetRelativePath(repository.Root, directory)}/");
                }

                return 0;

            default:
                throw new ArgumentOutOfRangeException(nameof(command));
        }
    }

    private static void Say(string line) => Console.Error.WriteLine(line);

    private static void Report(GuestImage image)
    {
        foreach (string file in (string[])[image.Elf, image.Symbols, image.Configuration])
        {
            Console.Out.WriteLine(
                $"{Path.GetRelativePath(Environment.CurrentDirectory, file)} ({(new FileInfo(file).Length + 1023) / 1024} KiB)");
        }
    }

    private async Task<int> RunAsync(RunCommand run)
    {
        bool intel = run.Machine == EmulatedMachine.Intel;
        Say("[1/3] looking for what is needed");
        Require(
        [
            .. Prerequisite.Linking(), .. intel
                ? Needed.Intel
                : Needed.Booting, .. run.GdbPort is null ? [] : Needed.Debugging,
        ]);
        string project = Repository.FindProject(run.Project ?? repository.DefaultProject);
        Say($"[2/3] building {Path.GetFileNameWithoutExtension(project)}");
        GuestImage image = MakeImage(project, debug: run.GdbPort is not null);
        run = run.Over(CommandLineReader.ReadDeclared(image.RunOptions, project));
        string where = run.WithoutXen ? "in QEMU, without Xen" : intel ? "under Xen in Bochs" : "under Xen in QEMU";
        Say($"[3/3] booting {image.Name} {where}");
        using Stream input = StandardInput.Open();
        using Stream output = Console.OpenStandardOutput();
        return await new GuestBooter(repository, Say).RunAsync(image, run, input, output, cancellationToken);
    }

    private GuestImage MakeImage(string? project, bool debug = false) =>
        GuestImage.Make(repository, Repository.FindProject(project ?? repository.DefaultProject), _processes, debug);

    private int Test(Func<TestCount> run) => TestAsync(() => Task.FromResult(run())).GetAwaiter().GetResult();

    private async Task<int> TestAsync(Func<Task<TestCount>> run)
    {
        TestCount count;
        try
        {
            Require(Needed.Testing);
            count = await run();
        }
        catch (BuildException failure) when (failure.ExitStatus != BuildException.Usage)
        {
            Say($"FAILED: {failure.Message}");
            count = TestCount.OneFailed;
        }

        Console.Out.WriteLine(count.LastLine);
        return count.ExitStatus;
    }

    private void Require(IReadOnlyList<Prerequisite> prerequisites) =>
        new PrerequisiteInstaller(new LocalMachine(_processes), Say).Ensure(prerequisites);
}
