using System.Text;

namespace Xenlet.XenStoreRing.Tests;

/// <summary>A message as the server's side sees it. In texts, "|" stands for NUL.</summary>
internal sealed record Message(XenStoreHeader Header, byte[] Body)
{
    public XenStoreMessageType Type => Header.Type;

    public string Text => Encoding.UTF8.GetString(Body).Replace('\0', '|');

    /// <summary>The first string of the payload.</summary>
    public string Path => Text.Split('|')[0];

    public static byte[] Payload(string text) => Encoding.UTF8.GetBytes(text.Replace('|', '\0'));

    public static byte[] Bytes(XenStoreMessageType type, uint id, uint transaction, byte[] body)
    {
        byte[] bytes = new byte[XenStoreHeader.Size + body.Length];
        new XenStoreHeader(type, id, transaction, (uint)body.Length).Write(bytes);
        body.CopyTo(bytes, XenStoreHeader.Size);
        return bytes;
    }

    /// <summary>The bytes of a reply to this request.</summary>
    public byte[] Reply(string text) => Bytes(Type, Header.RequestId, Header.TransactionId, Payload(text));

    public byte[] Reply(byte[] body) => Bytes(Type, Header.RequestId, Header.TransactionId, body);

    public byte[] Error(string name) =>
        Bytes(XenStoreMessageType.Error, Header.RequestId, Header.TransactionId, Payload(name + "|"));

    public static byte[] Event(string path, string token) =>
        Bytes(XenStoreMessageType.WatchEvent, 0, 0, Payload($"{path}|{token}|"));
}
