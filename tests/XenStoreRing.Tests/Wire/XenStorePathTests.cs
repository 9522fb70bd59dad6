using System.Text;

namespace Xenlet.XenStoreRing.Tests.Wire;

public class XenStorePathTests
{
    public static TheoryData<string, string> BadPaths => new()
    {
        { "", "empty" },
        { "/a//b", "\"//\"" },
        { "//", "\"//\"" },
        { "/a/", "at the end" },
        { "a/", "at the end" },
        { "/a b", "U+0020 at offset 2" },
        { "/a.b", "U+002E at offset 2" },
        { "/\u00e9", "U+00E9 at offset 1" },
        { "/a\0b", "U+0000 at offset 2" },
        { "/" + new string('a', 3072), "3073 bytes: an absolute path may have 3072" },
        { new string('a', 2049), "2049 bytes: a relative path may have 2048" },
    };

    public static TheoryData<string> GoodPaths => new()
    {
        "/", "/a", "a", "device/vif/0", "/local/domain/0", "@releaseDomain", "/A-Z_09@", "/" + new string('a', 3071), new string('a', 2048),
    };

    [Theory]
    [MemberData(nameof(BadPaths))]
    public void A_bad_path_is_refused_with_the_rule_it_breaks(string path, string rule)
    {
        Assert.Contains(rule, XenStorePath.FindBrokenRule(path), StringComparison.Ordinal);
        Assert.False(XenStorePath.IsValid(Encoding.Latin1.GetBytes(path)));
    }

    [Theory]
    [MemberData(nameof(GoodPaths))]
    public void A_good_path_is_taken(string path)
    {
        Assert.Null(XenStorePath.FindBrokenRule(path));
        Assert.True(XenStorePath.IsValid(Encoding.ASCII.GetBytes(path)));
    }

    [Theory]
    [InlineData("/a", "b", "/a/b")]
    [InlineData("/", "b", "/b")]
    [InlineData("/a", "", "/a")]
    [InlineData("", "device", "device")]
    public void Joining_puts_one_slash_where_one_is_needed(string directory, string node, string path) =>
        Assert.Equal(path, XenStorePath.Join(directory, node));

    [Theory]
    [InlineData("/a/b", "/a", true)]
    [InlineData("/a", "/a", true)]
    [InlineData("/ab", "/a", false)]
    [InlineData("/a", "/a/b", false)]
    [InlineData("/a", "/", true)]
    public void A_path_is_at_or_below_another_by_whole_names(string path, string root, bool expected) =>
        Assert.Equal(expected, XenStorePath.IsAtOrBelow(path, root));
}
