using System.Text;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing.Tests.Client;

public class WatchTableTests
{
    private readonly WatchTable _watches = new(new(), _ => ValueTask.CompletedTask, tokenPrefix: 0xabc);

    [Fact]
    public void An_event_reaches_the_watch_whose_token_it_has()
    {
        XenStoreWatch first = _watches.Add("/a");
        XenStoreWatch second = _watches.Add("/a");

        Deliver($"/a/b|{second.Token}|");

        Assert.False(first.TryRead(out _));
        Assert.True(second.TryRead(out XenStoreWatchEvent change));
        Assert.Equal(new("/a/b", MustRescan: false), change);
        Assert.Equal((1, 0, 0), Counted);
    }

    /// <summary>A token must match as a whole, including the part for an earlier client on the ring.</summary>
    [Theory]
    [InlineData("/a|00000abd.00000001|")]
    [InlineData("/a|00000abc.00000002|")]
    [InlineData("/a|00000abc-00000001|")]
    [InlineData("/a|00000ABC.00000001|")]
    [InlineData("/a|00000abc.1|")]
    [InlineData("/a|1|")]
    [InlineData("/a||")]
    public void A_token_that_is_no_watchs_is_counted_and_dropped(string payload)
    {
        XenStoreWatch watch = _watches.Add("/a");
        Assert.Equal("00000abc.00000001", watch.Token);

        Deliver(payload);

        Assert.False(watch.TryRead(out _));
        Assert.Equal((0, 1, 0), Counted);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/a")]
    [InlineData("/a|00000abc.00000001")]
    [InlineData("/a|00000abc.00000001||")]
    [InlineData("/a|00000abc.00000001|more|")]
    public void What_is_not_two_strings_is_counted_and_dropped(string payload)
    {
        XenStoreWatch watch = _watches.Add("/a");

        Deliver(payload);

        Assert.False(watch.TryRead(out _));
        Assert.Equal((0, 0, 1), Counted);
    }

    [Fact]
    public void A_watch_is_registered_when_the_server_has_confirmed_it_and_until_it_is_taken_out()
    {
        XenStoreWatch first = _watches.Add("/a");
        XenStoreWatch second = _watches.Add("/b");
        Assert.Empty(_watches.ListRegistered());

        _watches.Confirm(second.Token);
        Assert.Equal([second], _watches.ListRegistered());

        Assert.True(_watches.Remove(second));
        Assert.False(_watches.Remove(second), "it was taken out already");
        _watches.Confirm(second.Token);
        Assert.Empty(_watches.ListRegistered());
        Assert.True(_watches.Remove(first));
    }

    private (long Events, long Unmatched, long Malformed) Counted => (_watches.Events, _watches.UnmatchedEvents, _watches.MalformedEvents);

    /// <param name="payload">"|" stands for NUL.</param>
    private void Deliver(string payload) => _watches.Deliver(Encoding.ASCII.GetBytes(payload.Replace('|', '\0')));
}
