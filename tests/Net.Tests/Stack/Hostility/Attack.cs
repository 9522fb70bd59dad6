namespace Xenlet.Net.Tests.Stack.Hostility;

/// <summary>What somebody on the network does.</summary>
/// <param name="Name">Its name.</param>
/// <param name="MostAnswers">How many frames a frame of it may be answered with, on average.</param>
/// <param name="Send">Sends the frame of this number.</param>
internal sealed record Attack(string Name, double MostAnswers, Action<HostileNetwork, int> Send)
{
    public override string ToString() => Name;
}
