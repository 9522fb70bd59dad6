using System.Text;
using Xenlet.XenStoreRing.Client;

namespace Xenlet.XenStoreRing.Tests.Client;

/// <summary>Payloads as <c>docs/misc/xenstore.txt</c> writes them; "|" is a NUL.</summary>
public class RequestMessageTests
{
    private static readonly ReadOnlyMemory<byte> Value = "value"u8.ToArray();

    private static readonly Dictionary<string, RequestMessage> Messages = new()
    {
        ["READ 7 /a|"] = RequestMessage.OnNode(XenStoreMessageType.Read, 7, "/a"),
        ["WRITE 7 /a|value"] = RequestMessage.OnNode(XenStoreMessageType.Write, 7, "/a", tail: Value),
        ["DIRECTORY_PART 0 /a|42|"] = RequestMessage.OnNode(XenStoreMessageType.DirectoryPart, 0, "/a", second: "42"),
        ["WATCH 0 /a|token|"] = RequestMessage.Watch("/a", "token"),
        ["UNWATCH 0 /a|token|"] = RequestMessage.Unwatch("/a", "token"),
        ["RESET_WATCHES 0 |"] = RequestMessage.ResetWatches(),
        ["TRANSACTION_START 0 |"] = RequestMessage.BeginTransaction(),
        ["TRANSACTION_END 7 T|"] = RequestMessage.EndTransaction(7, commit: true),
        ["TRANSACTION_END 7 F|"] = RequestMessage.EndTransaction(7, commit: false),
        ["GET_DOMAIN_PATH 0 5|"] = RequestMessage.OnDomain(XenStoreMessageType.GetDomainPath, 5),
        ["INTRODUCE 0 5|1048576|3|"] = RequestMessage.Introduce(5, frame: 0x10_0000, port: 3),
        ["SET_TARGET 0 5|6|"] = RequestMessage.SetTarget(5, target: 6),
        ["CONTROL 0 value"] = RequestMessage.Raw(XenStoreMessageType.Control, Value),
    };

    public static TheoryData<string> Expected => [.. Messages.Keys];

    [Theory]
    [MemberData(nameof(Expected))]
    public void A_request_is_sent_as_the_documentation_has_it(string expected)
    {
        byte[] buffer = new byte[100];
        int length = Messages[expected].Write(requestId: 9, buffer);

        XenStoreHeader header = XenStoreHeader.Read(buffer);
        string payload = Encoding.ASCII.GetString(buffer[XenStoreHeader.Size..length]).Replace('\0', '|');
        Assert.Equal(expected, $"{header.Type.ToWireName()} {header.TransactionId} {payload}");
        Assert.Equal(9u, header.RequestId);
        Assert.Equal(length - XenStoreHeader.Size, (int)header.Length);
    }
}
