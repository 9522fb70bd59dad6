using System.Text;

namespace Xenlet.XenStoreRing.Tests.Wire;

public class XenStorePayloadTests
{
    [Theory]
    [InlineData("EINVAL", XenStoreError.EINVAL)]
    [InlineData("EACCES", XenStoreError.EACCES)]
    [InlineData("EEXIST", XenStoreError.EEXIST)]
    [InlineData("EISDIR", XenStoreError.EISDIR)]
    [InlineData("ENOENT", XenStoreError.ENOENT)]
    [InlineData("ENOMEM", XenStoreError.ENOMEM)]
    [InlineData("ENOSPC", XenStoreError.ENOSPC)]
    [InlineData("EIO", XenStoreError.EIO)]
    [InlineData("ENOTEMPTY", XenStoreError.ENOTEMPTY)]
    [InlineData("ENOSYS", XenStoreError.ENOSYS)]
    [InlineData("EROFS", XenStoreError.EROFS)]
    [InlineData("EBUSY", XenStoreError.EBUSY)]
    [InlineData("EAGAIN", XenStoreError.EAGAIN)]
    [InlineData("EISCONN", XenStoreError.EISCONN)]
    [InlineData("E2BIG", XenStoreError.E2BIG)]
    [InlineData("EPERM", XenStoreError.EPERM)]
    [InlineData("EQUOTA", XenStoreError.EQUOTA)]
    [InlineData("EDQUOT", XenStoreError.Unknown)]
    [InlineData("TimedOut", XenStoreError.Unknown)]
    [InlineData("", XenStoreError.Unknown)]
    public void An_error_name_gives_its_error_and_keeps_its_text(string sent, XenStoreError expected)
    {
        Assert.Equal(expected, XenStoreErrorNames.Parse(Message.Payload(sent + "|"), out string name));
        Assert.Equal(sent, name);
        Assert.Equal(expected, XenStoreErrorNames.Parse(Message.Payload(sent), out _));
    }

    [Fact]
    public void An_unknown_error_name_is_cut_and_made_printable()
    {
        XenStoreErrorNames.Parse(Encoding.Latin1.GetBytes("\u001b[2J" + new string('x', 4000)), out string name);
        Assert.Equal("?[2J" + new string('x', 60), name);
    }

    [Theory]
    [InlineData("n0", 0, XenStoreRights.None)]
    [InlineData("r7", 7, XenStoreRights.Read)]
    [InlineData("w32751", 32751, XenStoreRights.Write)]
    [InlineData("b4294967295", 4294967295, XenStoreRights.ReadWrite)]
    public void A_permission_is_a_letter_and_a_domain(string text, uint domain, XenStoreRights rights)
    {
        Assert.True(XenStorePermissionEntry.TryParse(Encoding.ASCII.GetBytes(text), out XenStorePermissionEntry entry));
        Assert.Equal(new(domain, rights), entry);
        Assert.Equal(text, entry.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("r")]
    [InlineData("x1")]
    [InlineData("r-1")]
    [InlineData("r+1")]
    [InlineData("r1x")]
    [InlineData("r4294967296")]
    public void What_is_no_permission_is_not_taken_for_one(string text) =>
        Assert.False(XenStorePermissionEntry.TryParse(Encoding.ASCII.GetBytes(text), out _));

    [Theory]
    [InlineData("", "")]
    [InlineData("a|", "a.")]
    [InlineData("a|b|", "a.b.")]
    [InlineData("a|b", "a.b!")]
    [InlineData("|", ".")]
    [InlineData("a||", "a..")]
    public void A_payload_is_split_at_each_nul(string payload, string expected)
    {
        StringBuilder found = new();
        XenStoreStrings strings = new(Message.Payload(payload));
        while (strings.MoveNext())
        {
            found.Append(Encoding.ASCII.GetString(strings.Current)).Append(strings.IsTerminated ? '.' : '!');
        }

        Assert.Equal(expected, found.ToString());
    }
}
