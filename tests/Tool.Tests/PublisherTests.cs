using Xenlet.Tool.Runs;

namespace Xenlet.Tool.Tests;

/// <summary>When <c>run --publish</c> considers an image out of date.</summary>
public sealed class PublisherTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _image;
    private readonly string _list;
    private readonly string _source;

    public PublisherTests()
    {
        _image = _directory.Write("out/App.cfg", "");
        _source = _directory.Write("Sub/Program.cs", "");
        _directory.Write("App.csproj", "");
        _directory.Write("App.cs", "");
        foreach (string path in Directory.EnumerateFileSystemEntries(_directory.Path, "*", SearchOption.AllDirectories))
        {
            SetTime(path, -60);
        }

        _list = _directory.Write("obj/sources", $"{_source}\n");
        SetTime(_list, 0);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void An_image_newer_than_its_sources_is_booted_as_it_is()
    {
        Assert.False(IsOld("App.csproj"));
        Assert.False(IsOld("App.cs"));
    }

    [Theory]
    [InlineData("Sub/Program.cs", "App.csproj")]
    [InlineData("Sub", "App.csproj")]
    [InlineData("App.csproj", "App.csproj")]
    [InlineData("App.cs", "App.cs")]
    [InlineData("Sub/Program.cs", "App.cs")]
    public void A_source_that_changed_or_came_makes_it_old(string changed, string project)
    {
        SetTime(_directory[changed], 60);

        Assert.True(IsOld(project));
    }

    [Fact]
    public void A_file_beside_a_program_of_one_file_is_none_of_its_sources()
    {
        SetTime(_directory["Sub"], 60);

        Assert.False(IsOld("App.cs"));
    }

    [Theory]
    [InlineData("out/App.cfg")]
    [InlineData("obj/sources")]
    [InlineData("Sub/Program.cs")]
    public void What_is_missing_makes_it_old(string missing)
    {
        File.Delete(_directory[missing]);

        Assert.True(IsOld("App.csproj"));
    }

    private bool IsOld(string project) => new Publisher(_directory[project], "Release", _image, _list).IsOld();

    private static void SetTime(string path, int seconds) => File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(seconds));
}
