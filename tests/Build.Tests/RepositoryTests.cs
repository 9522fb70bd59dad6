using System.Xml.Linq;

namespace Xenlet.Build.Tests;

public sealed class RepositoryTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_project_is_found_by_its_file_and_by_its_directory()
    {
        string project = _directory.Write("app/App.csproj", "");

        Assert.Equal(project, Repository.FindProject(project));
        Assert.Equal(project, Repository.FindProject(Path.GetDirectoryName(project)!));
        Assert.Equal(project, Repository.FindProject(Path.GetDirectoryName(project) + "/"));
    }

    [Theory]
    [InlineData("missing", "there is no project")]
    [InlineData("missing/App.csproj", "there is no project")]
    [InlineData("empty", "there is no project in")]
    [InlineData("two", "A.csproj, B.csproj")]
    [InlineData("empty/readme.txt", "is not a project file")]
    public void What_is_no_project_is_named(string path, string expected)
    {
        _directory.Write("empty/readme.txt", "");
        _directory.Write("two/B.csproj", "");
        _directory.Write("two/A.csproj", "");

        BuildException failure = Assert.Throws<BuildException>(() => Repository.FindProject(Path.Combine(_directory.Path, path)));

        Assert.Contains(expected, failure.Message, StringComparison.Ordinal);
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tests_that_boot_machines_come_last()
    {
        _directory.Write("tests/A.Tests/A.Tests.csproj", "<ProjectReference Include='../../qemu-xen/Xenlet.QemuXen.csproj' />");
        _directory.Write("tests/B.Tests/B.Tests.csproj", "");
        _directory.Write("tests/C.Tests/Xenlet.C.Tests.csproj", "");
        _directory.Write("tests/GuestImage/GuestImage.csproj", "");

        IReadOnlyList<string> projects = new Repository(_directory.Path).FindTestProjects();

        Assert.Equal(["B.Tests", "Xenlet.C.Tests", "A.Tests"], projects.Select(Path.GetFileNameWithoutExtension));
    }

    [Theory]
    [InlineData("Kernel.Tests")]
    [InlineData("xenlet.kernel.tests")]
    [InlineData("Xenlet.Kernel.Tests")]
    public void A_test_project_is_found_by_its_name(string name)
    {
        string project = _directory.Write("tests/Kernel.Tests/Xenlet.Kernel.Tests.csproj", "");
        _directory.Write("tests/Other.Tests/Other.Tests.csproj", "");
        Repository repository = new(_directory.Path);

        Assert.Equal(project, repository.FindTestProject(name));
        Assert.Equal(project, repository.FindTestProject(project));
        Assert.Equal(project, repository.FindTestProject(Path.GetDirectoryName(project) + "/"));
    }

    [Fact]
    public void A_test_project_that_does_not_exist_is_answered_with_those_that_do_and_the_way_to_filter_all()
    {
        _directory.Write("tests/Kernel.Tests/Xenlet.Kernel.Tests.csproj", "");

        BuildException failure = Assert.Throws<BuildException>(() => new Repository(_directory.Path).FindTestProject("Name~Ring"));

        Assert.Equal(2, failure.ExitStatus);
        Assert.Contains("Kernel.Tests", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--filter Name~Ring", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sources_are_what_a_build_reads_and_not_what_it_makes()
    {
        string code = _directory.Write("src/P/a.cs", "");
        string below = _directory.Write("src/P/Q/b.xml", "");
        string[] sources = [code, below, _directory.Write("Directory.Build.props", "")];
        _directory.Write("src/P/obj/c.cs", "");
        _directory.Write("src/P/bin/d.cs", "");
        _directory.Write("docs/e.md", "");

        IEnumerable<string> found = new Repository(_directory.Path).FindSources("src").OfType<FileInfo>().Select(file => file.FullName);

        Assert.Equal(sources.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Clean_removes_what_builds_make_and_nothing_else()
    {
        string[] made = [_directory.Write("artifacts/a", ""), _directory.Write("src/P/bin/b", ""), _directory.Write("src/P/obj/c", "")];
        string[] kept = [_directory.Write("src/P/P.csproj", ""), _directory.Write("tools/bin/script", ""),
            _directory.Write("src/P/objects/d", "")];

        IReadOnlyList<string> removed = new Repository(_directory.Path).Clean();

        Assert.Equal(3, removed.Count);
        Assert.DoesNotContain(made, File.Exists);
        Assert.All(kept, file => Assert.True(File.Exists(file), file));
    }

    [Fact]
    public void A_repository_is_found_from_within_and_missed_from_without()
    {
        Assert.Throws<BuildException>(() => Repository.Containing(_directory.Path));

        _directory.Write("Xenlet.slnx", "");
        string below = Path.GetDirectoryName(_directory.Write("a/b/c", ""))!;

        Assert.Equal(_directory.Path, Repository.Containing(below).Root);
    }

    [Fact]
    public void The_solution_lists_every_project()
    {
        string root = Places.RepositoryRoot;
        IEnumerable<string> listed = XDocument.Load(Path.Combine(root, "Xenlet.slnx")).Descendants("Project").Select(
            project => project.Attribute("Path")!.Value);
        IEnumerable<string> present = Directory.EnumerateFiles(root, "*.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(root, path))
            .Where(path => !path.Split('/').Intersect(["bin", "obj", "artifacts"]).Any())
            // The projects in templates belong to their users, not to this repository.
            .Where(path => !path.StartsWith("templates/", StringComparison.Ordinal) || path.Count(each => each == '/') == 1);

        Assert.Equal(present.Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }
}
