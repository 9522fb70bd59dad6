using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Xenlet.NetworkPeer;

/// <summary>Many frames to a system call.</summary>
internal sealed unsafe partial class RawSocket
{
    // Linux's socket.h and errno.h.
    private const int MsgDontWait = 0x40;
    private const int Again = 11;
    private const int NoBuffers = 105;

    /// <summary>Sends what a batch is filled with, so many times, and waits whenever the socket's share of buffers is on its way.</summary>
    public void Send(FrameBatch batch, int count)
    {
        while (count > 0)
        {
            int sent = sendmmsg(_socket, batch.Messages, (uint)Math.Min(count, FrameBatch.Size), 0);
            if (sent < 0 && Marshal.GetLastPInvokeError() == NoBuffers)
            {
                // The interface's queue was full and has dropped the frame, as a socket like this is told. It is not a loss on the way: it
                // is sent again.
                _ = sched_yield();
                continue;
            }

            count -= Check(sent, "sendmmsg");
        }
    }

    /// <summary>Receives the frames that are there, up to a batch, or waits for one; 0 when none came in time.</summary>
    public int Receive(FrameBatch batch, int milliseconds)
    {
        batch.Reset();
        int count;
        while ((count = recvmmsg(_socket, batch.Messages, FrameBatch.Size, MsgDontWait, null)) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Again)
            {
                throw new Win32Exception(Marshal.GetLastPInvokeError(), "recvmmsg");
            }

            if (!Wait(milliseconds))
            {
                return 0;
            }
        }

        return count;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int recvmmsg(int socket, MessageEntry* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc")]
    private static partial int sched_yield();
}
