namespace Xenlet.Build;

/// <summary>Where things are in a copy of the repository.</summary>
/// <param name="Root">Absolute path of its top directory.</param>
internal sealed record Repository(string Root)
{
    private const string SolutionName = "Xenlet.slnx";

    /// <summary>The list of all projects.</summary>
    public string Solution => Path.Combine(Root, SolutionName);

    /// <summary>What a build leaves for people.</summary>
    public string Artifacts => Path.Combine(Root, "artifacts");

    /// <summary>Where the prepared dom0 is kept.</summary>
    public string Dom0Cache => Path.Combine(Artifacts, "dom0");

    /// <summary>Where the results of test runs are written.</summary>
    public string TestResults => Path.Combine(Artifacts, "test-results");

    /// <summary>Where the names of all tests that were run are written, one a line.</summary>
    public string TestNames => Path.Combine(TestResults, "names.txt");

    /// <summary>What the steps of a test run may cost.</summary>
    public string Budgets => Path.Combine(Root, "tests", "budgets.txt");

    /// <summary>Publishes the guest programs that tests boot.</summary>
    public string Images => Path.Combine(Root, "tests", "Images.proj");

    /// <summary>Packs what is packed.</summary>
    public string PackagesProject => Path.Combine(Root, "src", "Packages.proj");

    /// <summary>Where packages are left.</summary>
    public string Packages => Path.Combine(Artifacts, "packages");

    /// <summary>The program that <c>build</c> and <c>run</c> take when none is named.</summary>
    public string DefaultProject => Path.Combine(Root, "samples", "DeviceTree");

    /// <summary>The guest test image.</summary>
    public string CasesProject => Path.Combine(Root, "tests", "GuestImage");

    /// <summary>Where <c>soak flakes</c> keeps its counts.</summary>
    public string Flakes => Path.Combine(Artifacts, "flakes");

    /// <summary>The targets of <c>soak fuzz</c>.</summary>
    public string FuzzProject => Path.Combine(Root, "tests", "Fuzz");

    /// <summary>Where <c>soak fuzz</c> works, and leaves what it finds.</summary>
    public string FuzzWork => Path.Combine(Artifacts, "fuzz");

    /// <summary>The measurements.</summary>
    public string BenchProject => Path.Combine(Root, "bench", "Xenlet.Bench");

    /// <summary>The repository that holds <paramref name="path"/>.</summary>
    /// <exception cref="BuildException">It is not in one.</exception>
    public static Repository Containing(string path)
    {
        for (DirectoryInfo? directory = new(path); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, SolutionName)))
            {
                return new Repository(directory.FullName);
            }
        }

        throw new BuildException($"{path} is not within a copy of the repository: there is no {SolutionName} above it.");
    }

    /// <summary>The project file that a user means by a path.</summary>
    /// <param name="path">A project file, or a directory that holds exactly one.</param>
    /// <exception cref="BuildException">There is none, or several.</exception>
    public static string FindProject(string path)
    {
        string full = Path.GetFullPath(path);
        if (File.Exists(full))
        {
            return Path.GetExtension(full).Equals(".csproj", StringComparison.OrdinalIgnoreCase)
                ? full
                : throw new BuildException($"{full} is not a project file (.csproj).");
        }

        if (!Directory.Exists(full))
        {
            throw new BuildException($"there is no project {full}: it is neither a project file nor a directory.");
        }

        string[] projects = Directory.GetFiles(full, "*.csproj");
        return projects.Length switch
        {
            1 => projects[0],
            0 => throw new BuildException($"there is no project in {full}."),
            _ => throw new BuildException(
                $"there are several projects in {full}, name one of them: {string.Join(", ", projects.Select(Path.GetFileName).Order())}"),
        };
    }

    /// <summary>
    /// The projects of tests: those below tests/ whose names end in <c>.Tests</c>. Those that boot machines, which is to say
    /// that use qemu-xen, come last, so that a quick failure is seen early.
    /// </summary>
    public IReadOnlyList<string> FindTestProjects()
    {
        string tests = Path.Combine(Root, "tests");
        return Directory.Exists(tests)
            ? [.. Directory.EnumerateDirectories(tests)
                .SelectMany(directory => Directory.EnumerateFiles(directory, "*.Tests.csproj"))
                .OrderBy(project => File.ReadAllText(project).Contains("qemu-xen", StringComparison.Ordinal))
                .ThenBy(project => project, StringComparer.Ordinal)]
            : [];
    }

    /// <summary>Whether the tests of a project need the guest programs that <see cref="Images"/> publishes.</summary>
    public static bool NeedsImages(string project) => File.ReadAllText(project).Contains("PublishedImages.cs", StringComparison.Ordinal);

    /// <summary>The test project that a user means.</summary>
    /// <param name="name">Its name with or without <c>Xenlet.</c>, its file, or its directory.</param>
    /// <exception cref="BuildException">There is none; the message lists what there is.</exception>
    public string FindTestProject(string name)
    {
        IReadOnlyList<string> projects = FindTestProjects();
        string path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(name));
        return projects.FirstOrDefault(project => project == path || Path.GetDirectoryName(project) == path)
            ?? projects.FirstOrDefault(project => ShortName(project).Equals(WithoutPrefix(name), StringComparison.OrdinalIgnoreCase))
            ?? throw new BuildException(
                $"there is no test project '{name}'. There are {string.Join(", ", projects.Select(ShortName))}."
                    + $" A filter over all of them is './build.sh test --filter {name}'.",
                BuildException.Usage);
    }

    /// <summary>The name that a project's directory has, such as <c>Kernel.Tests</c>.</summary>
    public static string ShortName(string project) => WithoutPrefix(Path.GetFileNameWithoutExtension(project));

    /// <summary>
    /// What a build reads below <paramref name="directories"/> of the repository, and the directories themselves, whose time changes
    /// when a file goes.
    /// </summary>
    public IEnumerable<FileSystemInfo> FindSources(params IEnumerable<string> directories)
    {
        IEnumerable<FileSystemInfo> settings = new DirectoryInfo(Root).EnumerateFiles().Where(IsSettings);
        return settings.Concat(directories.SelectMany(directory => FindBelow(new DirectoryInfo(Path.Combine(Root, directory)))));
    }

    /// <summary>What says which packages the projects have.</summary>
    public IEnumerable<FileSystemInfo> FindProjectFiles() =>
        FindSources("bench", "build", "linker", "qemu-xen", "samples", "src", "tests")
            .Where(file => file is FileInfo && (file.Extension == ".csproj" || IsSettings(file)));

    /// <summary>Removes artifacts/ and the bin/ and obj/ beside every project file, and nothing else.</summary>
    /// <returns>The directories removed.</returns>
    public IReadOnlyList<string> Clean()
    {
        List<string> removed = [];
        EnumerationOptions recursive = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        string[] projects = [.. Directory.EnumerateFiles(Root, "*.csproj", recursive)];
        IEnumerable<string> outputs = projects
            .Select(project => Path.GetDirectoryName(project)!)
            .SelectMany(directory => new[] { Path.Combine(directory, "bin"), Path.Combine(directory, "obj") })
            .Prepend(Artifacts);
        foreach (string directory in outputs.Distinct().Where(Directory.Exists))
        {
            Directory.Delete(directory, recursive: true);
            removed.Add(directory);
        }

        return removed;
    }

    private static bool IsSettings(FileSystemInfo file) => file.Extension is ".props" or ".targets" or ".json" or ".config";

    private static string WithoutPrefix(string name) =>
        name.StartsWith("Xenlet.", StringComparison.OrdinalIgnoreCase) ? name["Xenlet.".Length..] : name;

    private static IEnumerable<FileSystemInfo> FindBelow(DirectoryInfo directory) =>
        directory.EnumerateFileSystemInfos()
            .Where(entry => entry.Name is not ("bin" or "obj"))
            .SelectMany(entry => entry is DirectoryInfo below ? FindBelow(below) : [entry])
            .Prepend(directory);
}
