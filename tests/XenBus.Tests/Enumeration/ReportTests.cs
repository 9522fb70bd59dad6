using XenStoreError = Xenlet.XenStoreRing.XenStoreError;
using XenStoreException = Xenlet.XenStoreRing.XenStoreException;

namespace Xenlet.XenBus.Tests;

/// <summary>What an enumeration reports once, without a store.</summary>
public sealed class ReportTests
{
    private readonly List<string> _reports = [];

    [Fact]
    public void A_text_is_new_until_it_is_the_paths_last()
    {
        LastReports last = new();

        Assert.True(last.IsNew("device/vbd/1", "a"));
        Assert.False(last.IsNew("device/vbd/1", "a"));
        Assert.True(last.IsNew("device/vbd/2", "a"));
        Assert.True(last.IsNew("device/vbd/1", "b"));
        Assert.True(last.IsNew("device/vbd/1", "a"));
        Assert.Equal(["device/vbd/1", "device/vbd/2"], last.Paths.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_text_is_new_again_when_its_path_was_forgotten()
    {
        LastReports last = new();
        last.IsNew("device/vbd/1", "a");
        last.IsNew("device/vbd/2", "a");

        last.Forget("device/vbd/1");
        Assert.True(last.IsNew("device/vbd/1", "a"));
        Assert.False(last.IsNew("device/vbd/2", "a"));

        last.Clear();
        Assert.Empty(last.Paths);
        Assert.True(last.IsNew("device/vbd/2", "a"));
    }

    [Fact]
    public void A_failure_is_reported_once_until_its_path_could_be_examined()
    {
        FailureReports failures = new("device", (path, text) => _reports.Add($"{path} | {text}"));

        failures.Add("device/vbd", Error(XenStoreError.EIO));
        failures.Add("device/vbd", Error(XenStoreError.EIO));
        string first = Assert.Single(_reports);
        Assert.Equal("device/vbd | device: device/vbd cannot be looked at, and stays what it was: EIO", first);

        failures.Forget("device/vbd");
        failures.Add("device/vbd", Error(XenStoreError.EIO));
        failures.Add("device/vbd", Error(XenStoreError.EBUSY));
        Assert.Equal(3, _reports.Count);
    }

    [Theory]
    [InlineData(XenStoreError.EACCES, false)]
    [InlineData(XenStoreError.EINVAL, false)]
    [InlineData(XenStoreError.EIO, true)]
    [InlineData(XenStoreError.EBUSY, true)]
    [InlineData(XenStoreError.TimedOut, true)]
    [InlineData(XenStoreError.Unknown, true)]
    public void A_path_is_examined_again_unless_the_error_is_an_answer(XenStoreError error, bool isAgain) =>
        Assert.Equal(isAgain, new FailureReports("device", (_, _) => { }).Add("device/vbd", Error(error)));

    [Fact]
    public void A_node_is_skipped_for_each_reason_once_until_it_is_forgotten()
    {
        SkippedNodes skipped = new();

        Assert.True(skipped.Skip("device/vbd/1", "is not new"));
        Assert.False(skipped.Skip("device/vbd/1", "is not new"));
        Assert.True(skipped.Skip("device/vbd/1", "was given up"));
        Assert.Equal(["device/vbd/1"], skipped.Nodes);
        skipped.Forget("device/vbd/1");
        Assert.Empty(skipped.Nodes);
    }

    [Fact]
    public void A_device_is_given_up_until_it_is_readmitted_whether_or_not_its_node_is_skipped()
    {
        SkippedNodes skipped = new();
        skipped.GiveUp("device/vbd/1");

        Assert.True(skipped.IsGivenUp("device/vbd/1"));
        Assert.False(skipped.IsGivenUp("device/vbd/2"));
        Assert.Equal(["device/vbd/1"], skipped.Nodes);
        skipped.Forget("device/vbd/1");
        Assert.True(skipped.IsGivenUp("device/vbd/1"));
        skipped.Readmit("device/vbd/1");
        Assert.False(skipped.IsGivenUp("device/vbd/1"));
        Assert.Empty(skipped.Nodes);
    }

    [Fact]
    public void Nothing_is_skipped_or_given_up_after_a_resume()
    {
        SkippedNodes skipped = new();
        skipped.Skip("device/vbd/1", "is not new");
        skipped.GiveUp("device/vbd/2");

        skipped.Clear();

        Assert.Empty(skipped.Nodes);
        Assert.False(skipped.IsGivenUp("device/vbd/2"));
        Assert.True(skipped.Skip("device/vbd/1", "is not new"));
    }

    private static XenStoreException Error(XenStoreError error) => new(error, error.ToString());
}
