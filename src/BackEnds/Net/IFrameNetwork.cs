namespace Xenlet.BackEnds;

/// <summary>A network to which front ends belong, such as a switch.</summary>
public interface IFrameNetwork
{
    /// <summary>Connects a front end, which may not be there yet.</summary>
    /// <param name="request">What the tool stack says of it.</param>
    /// <param name="frontEnd">Takes frames for the front end. While it is not connected they are dropped.</param>
    /// <returns>Takes the frames that the front end sends.</returns>
    /// <exception cref="Exception">It cannot be connected. The message is for the administrator.</exception>
    IFramePort Connect(NetworkPortRequest request, IFramePort frontEnd);

    /// <summary>Disconnects a front end: its device was removed.</summary>
    void Disconnect(IFramePort frontEnd);
}
