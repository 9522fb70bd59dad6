using Xenlet.Kernel.Nucleus.Console;
using Xenlet.Kernel.Nucleus.Linux.FileSystem;
using Xenlet.Kernel.Nucleus.Linux.Sockets;
using static Xenlet.Kernel.Nucleus.Linux.Files.PollEvents;

namespace Xenlet.Kernel.Nucleus.Linux.Files;

/// <summary>What an open file is ready for.</summary>
internal static unsafe class FileReadiness
{
    /// <summary>The conditions that hold, as bits of <see cref="PollEvents"/>.</summary>
    public static uint Of(OpenFile* file)
    {
        switch (file->Kind)
        {
            case FileKind.Console:
                return (ConsoleDevice.CanRead ? Readable : 0) | (ConsoleDevice.CanWrite ? Writable : 0);
            case FileKind.PipeReader:
                return (file->Pipe->Count > 0 ? Readable : 0) | (file->Pipe->Writer == null ? EPOLLHUP : 0);
            case FileKind.PipeWriter:
                return (Pipes.IsFull(file->Pipe) ? 0 : Writable) | (file->Pipe->Reader == null ? EPOLLERR : 0);
            case FileKind.EventPoll:
                return EventPolls.HasEvents(file->EventPoll) ? Readable : 0;
            case FileKind.EventCounter:
                return EventCounters.Readiness(file);
            case FileKind.Socket:
                return SocketReadiness.Of(file->Socket);
            case FileKind.Inotify:
                return Inotify.HasEvents(file) ? Readable : 0;
            default:
                return Readable | Writable;
        }
    }

    /// <summary>Whether the file can be a member of an epoll set. The others are always ready.</summary>
    public static bool CanChange(OpenFile* file) => file->Node == null && file->Kind != FileKind.Served;
}
