namespace Xenlet.Build;

/// <summary>Paths in a copy of the repository.</summary>
/// <param name="Root">The absolute path of its top directory.</param>
internal sealed record Repository(string Root)
{
    private const string SolutionName = "Xenlet.slnx";

    /// <summary>The solution: a list of all projects.</summary>
    public string Solution => Path.Combine(Root, SolutionName);

    /// <summary>Build output for people.</summary>
    public string Artifacts => Path.Combine(Root, "artifacts");

    /// <summary>The cache of the prepared dom0.</summary>
    public string Dom0Cache => Path.Combine(Artifacts, "dom0");

    /// <summary>The results of test runs.</summary>
    public string TestResults => Path.Combine(Artifacts, "test-results");

    /// <summary>The names of all tests that were run, one per line.</summary>
    public string TestNames => Path.Combine(TestResults, "names.txt");

    /// <summary>The budgets of a test run's steps.</summary>
    public string Budgets => Path.Combine(Root, "tests", "budgets.txt");

    /// <summary>The project that publishes the guest programs that tests boot.</summary>
    public string Images => Path.Combine(Root, "tests", "Images.proj");

    /// <summary>The project that packs the packages.</summary>
    public string PackagesProject => Path.Combine(Root, "src", "Packages.proj");

    /// <summary>The directory of the packages.</summary>
    public string Packages => Path.Combine(Artifacts, "packages");

    /// <summary>The default program of <c>build</c> and <c>run</c>.</summary>
    public string DefaultProject => Path.Combine(Root, "samples", "DeviceTree");

    /// <summary>The guest test image.</summary>
    public string CasesProject => Path.Combine(Root, "tests", "GuestImage");

    /// <summary>Where <c>soak flakes</c> keeps its counts.</summary>
    public string Flakes => Path.Combine(Artifacts, "flakes");

    /// <summary>The targets of <c>soak fuzz</c>.</summary>
    public string FuzzProject => Path.Combine(Root, "tests", "Fuzz");

    /// <summary>The working directory of <c>soak fuzz</c>, which also receives its findings.</summary>
    public string FuzzWork => Path.Combine(Artifacts, "fuzz");

    /// <summary>The measurements.</summary>
    public string BenchProject => Path.Combine(Root, "bench", "Xenlet.Bench");

    /// <summary>
    /// The repository that contains <paramref name="path"/>.
    /// </summary>
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

    /// <summary>The project file that a path from the user refers to.</summary>
    /// <param name="path">A project file, or a directory that contains exactly one.</param>
    /// <exception cref="BuildException">There is none, or there are several.</exception>
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
    /// The test projects: those below tests/ whose names end in <c>.Tests</c>. Those that boot machines, that is, use qemu-xen, come last,
    /// so that a quick failure shows early.
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

    /// <summary>The test project that the user means.</summary>
    /// <param name="name">Its name with or without <c>Xenlet.</c>, its file, or its directory.</param>
    /// <exception cref="BuildException">There is none. The message lists the existing ones.</exception>
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

    /// <summary>The name of a project's directory, such as <c>Kernel.Tests</c>.</summary>
    public static string ShortName(string project) => WithoutPrefix(Path.GetFileNameWithoutExtension(project));

    /// <summary>
    /// The files that a build reads below <paramref name="directories"/> of the repository, and the directories themselves, whose time
    /// changes when a file is removed.
    /// </summary>
    public IEnumerable<FileSystemInfo> FindSources(params IEnumerable<string> directories)
    {
        IEnumerable<FileSystemInfo> settings = new DirectoryInfo(Root).EnumerateFiles().Where(IsSettings);
        return settings.Concat(directories.SelectMany(directory => FindBelow(new DirectoryInfo(Path.Combine(Root, directory)))));
    }

    /// <summary>The files that determine the projects' packages.</summary>
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
