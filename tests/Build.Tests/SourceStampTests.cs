namespace Xenlet.Build.Tests;

public sealed class SourceStampTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly SourceStamp _stamp;
    private readonly FileInfo _source;

    public SourceStampTests()
    {
        _stamp = new SourceStamp(Path.Combine(_directory.Path, "obj", "made"));
        _source = new FileInfo(_directory.Write("a.cs", ""));
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Nothing_was_made_before_the_first_time() => Assert.False(_stamp.Covers([_source]));

    [Fact]
    public void What_has_not_changed_since_need_not_be_made_again()
    {
        _stamp.Set(_source.LastWriteTimeUtc.AddSeconds(1));

        Assert.True(_stamp.Covers([_source]));
    }

    [Fact]
    public void What_changes_while_it_is_made_is_made_again()
    {
        _stamp.Set(_source.LastWriteTimeUtc.AddSeconds(-1));

        Assert.False(_stamp.Covers([_source]));
    }

    [Fact]
    public void What_was_removed_is_not_known_any_more()
    {
        _stamp.Set(_source.LastWriteTimeUtc.AddSeconds(1));
        _stamp.Remove();
        _stamp.Remove();

        Assert.False(_stamp.Covers([_source]));
    }
}
