using System.Buffers.Binary;
using Xenlet.Kernel.Sockets;
using static Xenlet.Sockets.Interfaces.NetlinkCode;

namespace Xenlet.Sockets.Interfaces;

/// <summary>Answers requests of NETLINK_ROUTE, and finds what has changed since it was last asked.</summary>
internal sealed class NetlinkService(NetlinkTables tables)
{
    /// <summary>Bytes of a datagram of an answer: glibc reads them into a buffer of a page.</summary>
    private const int MostBytes = 3_800;

    private Dictionary<(ushort Type, string Key), NetlinkLine> _lines = [];

    /// <summary>The datagrams that answer a program's datagram, which has one request or several.</summary>
    /// <param name="requests">What it has sent.</param>
    /// <param name="port">Its port.</param>
    public List<byte[]> Answer(ReadOnlySpan<byte> requests, uint port)
    {
        List<byte[]> answers = [];
        while (requests.Length >= NetlinkMessage.HeaderSize)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(requests);
            if (length < NetlinkMessage.HeaderSize || length > requests.Length)
            {
                break;
            }

            Answer(requests[..length], port, answers);
            requests = requests[Math.Min((length + 3) & ~3, requests.Length)..];
        }

        return answers;
    }

    /// <summary>Takes the tables as they are for those that are known.</summary>
    public void TakeAll() => _lines = Lines().ToDictionary(line => (line.Type, line.Key));

    /// <summary>What has changed since the last call, or since <see cref="TakeAll"/>: a datagram for each line.</summary>
    public List<(uint Group, byte[] Datagram)> TakeChanges()
    {
        Dictionary<(ushort Type, string Key), NetlinkLine> before = _lines;
        TakeAll();
        List<(uint Group, byte[] Datagram)> changes = [];
        foreach (NetlinkLine line in before.Values.Where(line => !_lines.ContainsKey((line.Type, line.Key))))
        {
            // The type that says so follows the other.
            changes.Add((line.Group, line.Message.ToBytes((ushort)(line.Type + 1), 0, 0, 0)));
        }

        foreach (NetlinkLine line in _lines.Values)
        {
            byte[] datagram = Bytes(line);
            if (!before.TryGetValue((line.Type, line.Key), out NetlinkLine? known) || !Bytes(known).SequenceEqual(datagram))
            {
                changes.Add((line.Group, datagram));
            }
        }

        return changes;

        static byte[] Bytes(NetlinkLine line) => line.Message.ToBytes(line.Type, 0, 0, 0);
    }

    private IEnumerable<NetlinkLine> Lines() =>
        tables.Links(isWhole: false).Concat(tables.Addresses(isWhole: false)).Concat(tables.Routes());

    private void Answer(ReadOnlySpan<byte> request, uint port, List<byte[]> answers)
    {
        ushort type = BinaryPrimitives.ReadUInt16LittleEndian(request[4..]);
        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(request[6..]);
        uint sequence = BinaryPrimitives.ReadUInt32LittleEndian(request[8..]);
        byte family = request.Length > NetlinkMessage.HeaderSize ? request[NetlinkMessage.HeaderSize] : AF_UNSPEC;
        IEnumerable<NetlinkLine>? lines = type switch
        {
            RTM_GETLINK => tables.Links(isWhole: true),
            RTM_GETADDR => tables.Addresses(isWhole: true).Where(line => family is AF_UNSPEC || line.Family == family),
            RTM_GETROUTE => tables.Routes().Where(line => family is AF_UNSPEC || line.Family == family),
            _ => null,
        };
        if (type < RTM_NEWLINK)
        {
            // A message of netlink itself asks for nothing but, perhaps, an acknowledgement.
            if ((flags & NLM_F_ACK) != 0)
            {
                answers.Add(Error(request, SocketErrno.None, sequence, port));
            }
        }
        else if (lines is not null && (flags & NLM_F_DUMP) == NLM_F_DUMP)
        {
            AddDump(lines, sequence, port, answers);
        }
        else
        {
            // Every second pair of types asks; the others change what only the stack changes.
            bool isQuestion = type % 4 == 2;
            answers.Add(Error(request, isQuestion ? SocketErrno.EOPNOTSUPP : SocketErrno.EPERM, sequence, port));
        }
    }

    private static void AddDump(IEnumerable<NetlinkLine> lines, uint sequence, uint port, List<byte[]> answers)
    {
        List<byte> datagram = [];
        foreach (NetlinkLine line in lines)
        {
            byte[] bytes = line.Message.ToBytes(line.Type, NLM_F_MULTI, sequence, port);
            if (datagram.Count > 0 && datagram.Count + bytes.Length > MostBytes)
            {
                answers.Add([.. datagram]);
                datagram.Clear();
            }

            datagram.AddRange(bytes);
        }

        datagram.AddRange(new NetlinkMessage(NetlinkMessage.Number(0)).ToBytes(NLMSG_DONE, NLM_F_MULTI, sequence, port));
        answers.Add([.. datagram]);
    }

    /// <summary>nlmsgerr: the error, negative, and the request's header.</summary>
    private static byte[] Error(ReadOnlySpan<byte> request, SocketErrno error, uint sequence, uint port) =>
        new NetlinkMessage([.. NetlinkMessage.Number(-(int)error), .. request[..NetlinkMessage.HeaderSize]])
            .ToBytes(NLMSG_ERROR, 0, sequence, port);
}
