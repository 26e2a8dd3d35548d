/// What an instance is meant to be, whatever it is at the moment.
public enum InstanceIntendedState: String, Labeled {
    /// The owner wants the instance to run.
    case running

    /// The owner wants the instance to be stopped.
    case stopped

    /// The guest shut itself down and is to stay so until its owner starts it.
    case guestShutdown = "guest_shutdown"

    /// The owner wants the instance to be deleted.
    case destroyed

    /// What error messages call one of these values.
    public static let labelMeaning = "intended instance state"
}
