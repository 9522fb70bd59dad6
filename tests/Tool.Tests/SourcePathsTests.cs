using Xenlet.Symbols;

namespace Xenlet.Tool.Tests;

public sealed class SourcePathsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public SourcePathsTests()
    {
        _directory.Write("near/Both.cs", "");
        _directory.Write("Both.cs", "");
        _directory.Write("src/Far.cs", "");
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("/_/Both.cs", "near/Both.cs")]
    [InlineData("/_/src/Far.cs", "src/Far.cs")]
    public void A_mapped_path_becomes_the_file_that_is_there_the_nearest_first(string mapped, string expected) =>
        Assert.Equal(_directory[expected], new SourcePaths(SourcePaths.WithThoseAbove(_directory["near"])).Real(mapped));

    [Theory]
    [InlineData("/_/src/runtime/src/libraries/Task.cs")]
    [InlineData("/home/somebody/Both.cs")]
    public void What_is_not_there_or_not_mapped_stays(string path) =>
        Assert.Equal(path, new SourcePaths(SourcePaths.WithThoseAbove(_directory["near"])).Real(path));
}
